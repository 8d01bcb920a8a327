import { trace } from '@opentelemetry/api';

/** What a log line tells of the trace it belongs to. */
export function traceFields(): { traceId?: string; spanId?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span ? { traceId: span.traceId, spanId: span.spanId } : {};
}
