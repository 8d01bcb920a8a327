import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { incomingHeaders } from './incoming-headers.js';
import {
  acceptCorrelationId,
  CORRELATION_ID,
  runWithCorrelationId,
} from './request-context.js';

/** Handles each message under the correlation id that came with it. */
@Injectable()
export class RpcContextInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    const headers = incomingHeaders(context);
    const id = acceptCorrelationId(headers[CORRELATION_ID]);
    return new Observable((subscriber) =>
      runWithCorrelationId(id, () => next.handle().subscribe(subscriber)),
    );
  }
}
