import { expect, it } from 'vitest';
import { MessagingClients } from '../src/resilience/messaging-clients.js';
import { collectLog } from './log.js';
import { SERVICE, unsigned } from './peers.js';
import { startApp } from './running-app.js';

it.each(unsigned)('signs what it calls over $name', async (peer) => {
  const log = collectLog();
  const app = await startApp();
  const client = app.get(MessagingClients).create(SERVICE, peer.client(app));

  const call = client.send(`${SERVICE}.create`, { name: 'first' });
  await expect(call).resolves.toMatchObject({ name: 'first' });
  await client.send(`${SERVICE}.get`, {}).catch(() => undefined);
  const seen = { message: 'message refused', caller: SERVICE };
  expect(log).toContainEqual(expect.objectContaining(seen));
  await app.close();
});
