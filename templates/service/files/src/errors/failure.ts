import { BadRequestException, HttpException, HttpStatus } from '@nestjs/common';

export interface Issue {
  path: string;
  message: string;
}

/** What a caller gets instead of an answer, by message and over HTTP alike. */
export interface Failure {
  status: 'error';
  code: string;
  message: string;
  issues?: Issue[];
}

/** A payload which does not meet its schema. */
export class InvalidPayload extends BadRequestException {
  constructor(readonly issues: Issue[]) {
    super('the payload is invalid');
  }
}

/** Turns any exception into what the caller may know of it. */
export function failureOf(exception: unknown): Failure {
  const httpStatus = httpStatusOf(exception);
  const failure: Failure = {
    status: 'error',
    code: codeOf(httpStatus),
    message: 'internal error',
  };
  if (httpStatus < 500 && exception instanceof Error)
    failure.message = exception.message;
  if (exception instanceof InvalidPayload) failure.issues = exception.issues;
  return failure;
}

export function httpStatusOf(exception: unknown): number {
  if (exception instanceof HttpException) return exception.getStatus();
  // The HTTP body parser has errors of its own, such as 413.
  if (isPublicHttpError(exception)) return exception.status;
  return HttpStatus.INTERNAL_SERVER_ERROR;
}

function codeOf(httpStatus: number): string {
  if (httpStatus === 400) return 'INVALID';
  if (httpStatus === 500) return 'INTERNAL';
  return HttpStatus[httpStatus] ?? 'INTERNAL';
}

function isPublicHttpError(error: unknown): error is { status: number } {
  return (
    error instanceof Error &&
    'expose' in error &&
    error.expose === true &&
    'status' in error &&
    typeof error.status === 'number'
  );
}
