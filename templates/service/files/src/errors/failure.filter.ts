import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Logger,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { type Failure, failureOf, httpStatusOf } from './failure.js';

/** Gives every failure the same shape, whichever way the request came. */
@Catch()
export class FailureFilter implements ExceptionFilter {
  private readonly logger = new Logger(FailureFilter.name);

  constructor(private readonly http: HttpAdapterHost) {}

  catch(exception: unknown, host: ArgumentsHost): Observable<never> | void {
    const failure = failureOf(exception);
    const httpStatus = httpStatusOf(exception);
    if (httpStatus >= 500) this.logger.error(exception);
    if (host.getType() === 'http') {
      this.reply(host, failure, httpStatus);
      return;
    }
    // An event has no caller who could be told, so the log must tell.
    if (httpStatus < 500) this.logger.warn('message refused', { failure });
    return throwError(() => failure);
  }

  private reply(host: ArgumentsHost, failure: Failure, status: number): void {
    const { httpAdapter } = this.http;
    const response: unknown = host.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) httpAdapter.end(response);
    else httpAdapter.reply(response, failure, status);
  }
}
