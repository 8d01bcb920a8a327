import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { links } from '../messaging/links.js';
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
    const message: unknown = context.switchToRpc().getContext();
    const headers = links
      .map((link) => link.headers(message))
      .find((found) => found !== undefined);
    const id = acceptCorrelationId(valueOf(headers ?? {}, CORRELATION_ID));
    return new Observable((subscriber) =>
      runWithCorrelationId(id, () => next.handle().subscribe(subscriber)),
    );
  }
}

/** Unlike HTTP, a transport leaves the case of a name as its sender wrote it. */
function valueOf(headers: object, name: string): unknown {
  const entries = Object.entries(headers);
  return entries.find(([key]) => key.toLowerCase() === name)?.[1];
}
