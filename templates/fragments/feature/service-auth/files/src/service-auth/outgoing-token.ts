import { AsyncLocalStorage } from 'node:async_hooks';
import { Observable } from 'rxjs';

const storage = new AsyncLocalStorage<() => string>();

/** Whatever `send` sends bears the token, which is made when it leaves. */
export function withToken<T>(
  token: () => string,
  send: () => Observable<T>,
): Observable<T> {
  return new Observable((subscriber) =>
    storage.run(token, () => send().subscribe(subscriber)),
  );
}

/** The token of what is being sent, as a header. */
export function tokenHeader(): Record<string, string> {
  const token = storage.getStore();
  return token ? { authorization: `Bearer ${token()}` } : {};
}
