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
import { type Failure, InvalidPayload } from '../errors/failure.js';
import { RemoteFailure } from '../resilience/messaging-client.js';

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
  const { code = '', message, issues } = Object(error.answer) as Partial<Failure>;
  if (code === 'INVALID' && issues) return new InvalidPayload(issues);
  const status = statusOf(code);
  // Whom the service does not trust is this one, not its caller.
  if (status === HttpStatus.UNAUTHORIZED || status < 400 || status >= 500)
    return new BadGatewayException(undefined, { cause: error });
  return new HttpException(message ?? code, status, { cause: error });
}

function statusOf(code: string): number {
  if (code === 'INVALID') return HttpStatus.BAD_REQUEST;
  // Of a service that has no codes of its own only the number is known.
  const number = /^HTTP_(\d{3})$/.exec(code)?.[1];
  const status = HttpStatus[code as keyof typeof HttpStatus];
  return Number(number ?? status ?? HttpStatus.BAD_GATEWAY);
}
