import {
  BadGatewayException,
  type CallHandler,
  type ExecutionContext,
  HttpException,
  HttpStatus,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, type Observable, throwError } from 'rxjs';
import { InvalidPayload, type Issue } from '../errors/failure.js';
import { RemoteFailure } from '../resilience/messaging-client.js';

/** What may be in the answer; a service that eyas did not make has its own. */
interface Answer {
  code?: string;
  message?: unknown;
  issues?: Issue[];
}

/** Answers with what the called service has refused; that is no failure here. */
@Injectable()
export class RemoteFailureInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(catchError((error: unknown) => throwError(() => overHttp(error))));
  }
}

/** A failure that was answered, as HTTP tells it; any other as it is. */
export function overHttp(error: unknown): unknown {
  if (!(error instanceof RemoteFailure)) return error;
  const answer: Answer = Object(error.answer);
  const { code = '', message = code, issues } = answer;
  if (code === 'INVALID' && issues) return new InvalidPayload(issues);
  const status = statusOf(code);
  // Whom the service does not trust is this one, not its caller.
  const isRefusal = status >= 400 && status < 500 && status !== 401;
  return isRefusal
    ? new HttpException(String(message), status, { cause: error })
    : new BadGatewayException(undefined, { cause: error });
}

function statusOf(code: string): number {
  if (code === 'INVALID') return 400;
  // Of a service that has no codes of its own only the number is known.
  const number = /^HTTP_(\d{3})$/.exec(code)?.[1];
  const named: unknown = Object.entries(HttpStatus).find(
    ([name]) => name === code,
  )?.[1];
  return Number(number ?? named);
}
