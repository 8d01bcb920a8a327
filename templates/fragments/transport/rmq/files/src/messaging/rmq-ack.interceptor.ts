import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { RmqContext } from '@nestjs/microservices';
import { type Observable, tap } from 'rxjs';
import { httpStatusOf } from '../errors/failure.js';

/** Tells RabbitMQ what became of each message; Nest does not. */
@Injectable()
export class RmqAckInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    const rmq: unknown = context.switchToRpc().getContext();
    if (!(rmq instanceof RmqContext)) return next.handle();
    const message = rmq.getMessage();
    const channel = rmq.getChannelRef();
    return next.handle().pipe(
      tap({
        complete: () => channel.ack(message),
        error: (error: unknown) => {
          // Who asks is told of the failure, and may ask again.
          if (message['properties'].replyTo) channel.ack(message);
          // What was refused once will always be; all else is tried again.
          else channel.nack(message, false, httpStatusOf(error) >= 500);
        },
      }),
    );
  }
}
