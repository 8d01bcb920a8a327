import { expect, it } from 'vitest';
import { MessagingClients } from '../src/resilience/messaging-clients.js';
import { collectLog } from './log.js';
import { peers } from './peers.js';
import { ask, startApp } from './running-app.js';

it.each(peers)('shows if calls over $name are refused', async (peer) => {
  collectLog();
  const app = await startApp();
  app.get(MessagingClients).create('stock', peer.client(app));

  const text = await (await ask(app, '/metrics')).text();
  expect(text).toContain('client_breaker_open{client="stock"} 0');
  await app.close();
});
