import { createHash } from 'node:crypto';
import {
  BadRequestException,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import {
  defer,
  from,
  lastValueFrom,
  mergeMap,
  type Observable,
  toArray,
} from 'rxjs';
import { incomingHeaders } from '../context/incoming-headers.js';
import { AnswerStore } from './answer.store.js';

/** The header, or metadata key, by which a message is known again. */
export const IDEMPOTENCY_KEY = 'idempotency-key';

const KEY = /^[\x21-\x7e]{1,200}$/;

/** Handles a message with a key once, however often it comes. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly answers: AnswerStore) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    const key = incomingHeaders(context)[IDEMPOTENCY_KEY];
    if (key === undefined) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key))
      throw new BadRequestException(
        `the header ${IDEMPOTENCY_KEY} must be 1 to 200 visible characters`,
      );
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    const data = JSON.stringify(context.switchToRpc().getData()) ?? '';
    const message = {
      key: `${handler} ${key}`,
      payload: createHash('sha256').update(data).digest('base64url'),
    };
    const handle = () => lastValueFrom(next.handle().pipe(toArray()));
    return defer(() => this.answers.once(message, handle)).pipe(
      mergeMap((replies) => from(replies)),
    );
  }
}
