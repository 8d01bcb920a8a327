import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { Histogram, Registry } from 'prom-client';
import { finalize, type Observable, tap } from 'rxjs';
import { failureOf } from '../errors/failure.js';

/** Measures each handler, for messages and HTTP alike. */
@Injectable()
export class MetricsInterceptor implements NestInterceptor {
  private readonly duration: Histogram<'kind' | 'handler' | 'code'>;

  constructor(registry: Registry) {
    this.duration = new Histogram({
      name: 'handler_duration_seconds',
      help: 'Time a handler took, by the code it ended with (OK or a failure)',
      labelNames: ['kind', 'handler', 'code'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    });
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    const kind = context.getType();
    const end = this.duration.startTimer({ kind, handler });
    let code = 'OK';
    return next.handle().pipe(
      tap({ error: (error: unknown) => (code = failureOf(error).code) }),
      finalize(() => end({ code })),
    );
  }
}
