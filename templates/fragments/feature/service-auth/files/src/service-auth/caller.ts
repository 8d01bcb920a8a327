import { AsyncLocalStorage } from 'node:async_hooks';

const storage = new AsyncLocalStorage<string>();

/** The service whose message is being handled, if there is one. */
export function caller(): string | undefined {
  return storage.getStore();
}

export function runWithCaller<T>(service: string, run: () => T): T {
  return storage.run(service, run);
}
