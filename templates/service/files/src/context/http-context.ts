import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  acceptCorrelationId,
  CORRELATION_ID,
  runWithCorrelationId,
} from './request-context.js';

/** HTTP middleware: takes over the caller's correlation id, or makes one. */
export function httpContext(
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): void {
  const id = acceptCorrelationId(request.headers[CORRELATION_ID]);
  response.setHeader(CORRELATION_ID, id);
  runWithCorrelationId(id, next);
}
