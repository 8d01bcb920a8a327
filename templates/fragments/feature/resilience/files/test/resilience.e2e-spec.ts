import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWithCorrelationId } from '../src/context/request-context.js';
import type { MessagingClient } from '../src/resilience/messaging-client.js';
import { RemoteFailure } from '../src/resilience/messaging-client.js';
import { MessagingClients } from '../src/resilience/messaging-clients.js';
import { collectLog } from './log.js';
import { peers, SERVICE } from './peers.js';
import { startApp } from './running-app.js';

describe.each(peers)('a resilient client over $name', (peer) => {
  const log = collectLog();
  let app: INestApplication;
  let client: MessagingClient;

  beforeAll(async () => {
    app = await startApp();
    client = app.get(MessagingClients).create('self', peer.client(app));
  });

  afterAll(() => app.close());

  it('gets replies', async () => {
    const item = await client.send<{ id: string }>(`${SERVICE}.create`, {
      name: 'first',
    });
    const options = { idempotent: true };
    const call = client.send(`${SERVICE}.get`, { id: item.id }, options);
    await expect(call).resolves.toEqual(item);
  });

  it('throws the failure it is answered with', async () => {
    const call = client.send(`${SERVICE}.get`, { id: 'none' });
    await expect(call).rejects.toThrow(RemoteFailure);
    await expect(call).rejects.toMatchObject({ answer: { code: 'NOT_FOUND' } });
  });

  it('hands on the correlation id', async () => {
    const correlationId = `e2e-${peer.name}`;
    await runWithCorrelationId(correlationId, () =>
      client.send(`${SERVICE}.get`, {}).catch(() => undefined),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ message: 'message refused', correlationId }),
    );
  });
});
