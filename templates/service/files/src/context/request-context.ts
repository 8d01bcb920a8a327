import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** The header, or metadata key, which carries the id from service to service. */
export const CORRELATION_ID = 'x-correlation-id';

/** Ids come from outside: only what is safe to log and to send on is kept. */
const SAFE_ID = /^[\w.:-]{1,128}$/;

const storage = new AsyncLocalStorage<string>();

/** The id of the request or message being handled, if there is one. */
export function correlationId(): string | undefined {
  return storage.getStore();
}

export function acceptCorrelationId(given: unknown): string {
  return typeof given === 'string' && SAFE_ID.test(given)
    ? given
    : randomUUID();
}

export function runWithCorrelationId<T>(id: string, run: () => T): T {
  return storage.run(id, run);
}
