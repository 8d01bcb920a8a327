import { ServiceUnavailableException } from '@nestjs/common';
import CircuitBreaker from 'opossum';
import {
  defer,
  lastValueFrom,
  mergeMap,
  type Observable,
  retry,
  throwError,
  timeout,
  timer,
} from 'rxjs';

/** What is needed of a client of one transport. */
export interface Proxy {
  /** Where a broker is joined first, which may take long. */
  connect?(): Promise<unknown>;
  send(pattern: string, data: unknown): Observable<unknown>;
  close(): unknown;
}

export interface CallPolicy {
  /** How long one attempt may take. */
  timeoutMs: number;
  /** How often an idempotent call is repeated when no answer came. */
  retries: number;
  /** How long a service that does not answer is left alone. */
  resetMs: number;
}

export interface CallOptions {
  /** Doing it twice is the same as doing it once, so it may be repeated. */
  idempotent?: boolean;
  timeoutMs?: number;
}

/** The other service did answer, with a failure. */
export class RemoteFailure extends Error {
  constructor(readonly answer: unknown) {
    super('the remote service answered with a failure');
  }
}

/** Calls another service without being dragged down by it. */
export class MessagingClient {
  private readonly breaker: CircuitBreaker<[() => Promise<unknown>]>;

  constructor(
    readonly name: string,
    private readonly proxy: Proxy,
    private readonly policy: CallPolicy,
  ) {
    this.breaker = new CircuitBreaker((call) => call(), {
      name,
      timeout: false,
      resetTimeout: policy.resetMs,
      volumeThreshold: 5,
      // An answer proves that the service works, whatever it says.
      errorFilter: (error) => error instanceof RemoteFailure,
    });
  }

  /** True while calls are refused because the service does not answer. */
  get open(): boolean {
    return this.breaker.opened;
  }

  /**
   * Sends a request and waits for its reply. Throws a `RemoteFailure` if that
   * is a failure, and a `ServiceUnavailableException` if there is none.
   */
  async send<T>(
    pattern: string,
    data: unknown,
    { idempotent = false, timeoutMs = this.policy.timeoutMs }: CallOptions = {},
  ): Promise<T> {
    const attempt = () => this.attempt(pattern, data, timeoutMs);
    const call = defer(() => this.breaker.fire(attempt)).pipe(
      retry({
        count: idempotent ? this.policy.retries : 0,
        delay: (error: unknown, retries) =>
          error instanceof RemoteFailure || this.open
            ? throwError(() => error)
            : timer(backoffMs(retries)),
      }),
    );
    try {
      return (await lastValueFrom(call)) as T;
    } catch (error) {
      if (error instanceof RemoteFailure) throw error;
      const message = `the service ${this.name} does not answer`;
      throw new ServiceUnavailableException(message, { cause: error });
    }
  }

  /** Joins the broker, so that the first call need not wait for it. */
  async connect(): Promise<void> {
    try {
      await this.proxy.connect?.();
    } catch (error) {
      // Some of Nest's clients reject with a text, as if it were an answer.
      throw error instanceof Error ? error : new Error(String(error));
    }
  }

  async close(): Promise<void> {
    this.breaker.shutdown();
    await this.proxy.close();
  }

  private async attempt(pattern: string, data: unknown, timeoutMs: number) {
    const reply = defer(() => this.connect()).pipe(
      mergeMap(() => this.proxy.send(pattern, data)),
      timeout(timeoutMs),
    );
    try {
      return await lastValueFrom(reply, { defaultValue: undefined });
    } catch (error) {
      // What goes wrong on this side is an Error; an answer is plain data.
      throw error instanceof Error ? error : new RemoteFailure(error);
    }
  }
}

/** Grows with each retry, and differs so that callers do not come in step. */
function backoffMs(retries: number): number {
  return Math.random() * Math.min(100 * 2 ** retries, 2000);
}
