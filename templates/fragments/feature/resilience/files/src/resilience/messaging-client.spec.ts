import { ServiceUnavailableException } from '@nestjs/common';
import { NEVER, type Observable, of, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  MessagingClient,
  type Proxy,
  RemoteFailure,
} from './messaging-client.js';

const policy = { timeoutMs: 50, retries: 2, resetMs: 60_000 };
const refused = throwError(() => new Error('connect ECONNREFUSED'));
const notFound = throwError(() => ({ status: 'error', code: 'NOT_FOUND' }));

function clientOf(proxy: Proxy) {
  return new MessagingClient('stock', proxy, policy);
}

function clientThatGets(...replies: Observable<unknown>[]) {
  const send = vi.fn<Proxy['send']>(() => replies.shift() ?? NEVER);
  const client = clientOf({ send, close: () => undefined });
  return { client, send };
}

describe('MessagingClient', () => {
  it('returns the reply', async () => {
    const { client, send } = clientThatGets(of('reply'));
    await expect(client.send('stock.get', { id: 1 })).resolves.toBe('reply');
    expect(send).toHaveBeenCalledExactlyOnceWith('stock.get', { id: 1 });
  });

  it('repeats an idempotent call which got no answer', async () => {
    const { client, send } = clientThatGets(refused, NEVER, of('reply'));
    const call = client.send('stock.get', {}, { idempotent: true });
    await expect(call).resolves.toBe('reply');
    expect(send).toHaveBeenCalledTimes(3);
  });

  it('never repeats a call which is not idempotent', async () => {
    const { client, send } = clientThatGets(refused, of('reply'));
    const call = client.send('stock.take', {});
    await expect(call).rejects.toThrow(ServiceUnavailableException);
    expect(send).toHaveBeenCalledOnce();
  });

  it('takes a lost connection for no answer', async () => {
    const client = clientOf({
      connect: () => Promise.reject('Error: Connection lost.'),
      send: () => of('reply'),
      close: () => undefined,
    });
    const call = client.send('stock.get', {});
    await expect(call).rejects.toThrow(ServiceUnavailableException);
  });

  it('takes a failure for an answer', async () => {
    const { client, send } = clientThatGets(notFound, of('reply'));
    const call = client.send('stock.get', {}, { idempotent: true });
    await expect(call).rejects.toThrow(RemoteFailure);
    expect(send).toHaveBeenCalledOnce();
  });

  it('leaves a service alone which does not answer', async () => {
    const { client, send } = clientThatGets(...Array(5).fill(refused));
    for (let call = 0; call < 6; call++)
      await client.send('stock.take', {}).catch(() => undefined);
    expect(client.open).toBe(true);
    expect(send).toHaveBeenCalledTimes(5);
  });

  it('goes on calling a service which answers with failures', async () => {
    const { client } = clientThatGets(...Array(10).fill(notFound));
    for (let call = 0; call < 10; call++)
      await client.send('stock.get', {}).catch(() => undefined);
    expect(client.open).toBe(false);
  });
});
