import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import {
  type Context,
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { finalize, Observable, tap } from 'rxjs';
import { incomingHeaders } from '../context/incoming-headers.js';
import { failureOf } from '../errors/failure.js';

/** Makes a span of each message, within the trace that came with it. */
@Injectable()
export class TracingInterceptor implements NestInterceptor {
  private readonly tracer = trace.getTracer('messaging');

  intercept(
    execution: ExecutionContext,
    next: CallHandler,
  ): Observable<unknown> {
    if (execution.getType() !== 'rpc') return next.handle();
    const name = `${execution.getClass().name}.${execution.getHandler().name}`;
    return new Observable((subscriber) => {
      const parent = parentOf(execution);
      const options = { kind: SpanKind.CONSUMER };
      const span = this.tracer.startSpan(name, options, parent);
      const failed = (error: unknown) => {
        const { code, message } = failureOf(error);
        span.setAttribute('error.type', code);
        span.setStatus({ code: SpanStatusCode.ERROR, message });
      };
      // The handler runs in the context in which `handle` is called.
      return context.with(trace.setSpan(parent, span), () =>
        next
          .handle()
          .pipe(
            tap({ error: failed }),
            finalize(() => span.end()),
          )
          .subscribe(subscriber),
      );
    });
  }
}

/** What the driver's instrumentation has begun, else what the headers tell. */
function parentOf(execution: ExecutionContext): Context {
  const active = context.active();
  if (trace.getSpan(active)) return active;
  return propagation.extract(active, incomingHeaders(execution));
}
