import { type ExecutionContext, Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { Env } from '../config/env.js';
import { DrainInterceptor } from './drain.interceptor.js';

const message = { getType: () => 'rpc' } as ExecutionContext;
const env = { SHUTDOWN_GRACE_MS: 10_000 } as Env;

describe('DrainInterceptor', () => {
  it('waits for messages in flight', async () => {
    const drain = new DrainInterceptor(env);
    const handler = new Subject();
    drain.intercept(message, { handle: () => handler }).subscribe();

    const ended = vi.fn<() => void>();
    const shutdown = drain.beforeApplicationShutdown().then(ended);
    await new Promise(setImmediate);
    expect(ended).not.toHaveBeenCalled();
    handler.complete();
    await shutdown;
  });

  it('waits no longer than it is allowed to', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const drain = new DrainInterceptor({ ...env, SHUTDOWN_GRACE_MS: 10 });
    drain.intercept(message, { handle: () => new Subject() }).subscribe();

    await drain.beforeApplicationShutdown();
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      'messages cut off by the shutdown: 1',
    );
  });
});
