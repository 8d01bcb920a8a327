import { CORRELATION_ID, correlationId } from './request-context.js';

/** What goes along with every message that is sent while handling another. */
export function outgoingHeaders(): Record<string, string> {
  const id = correlationId();
  return id ? { [CORRELATION_ID]: id } : {};
}
