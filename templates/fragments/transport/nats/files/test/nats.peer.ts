import { ENV, type Env } from '../src/config/env.js';
import { NatsClient } from '../src/messaging/nats.client.js';
import type { Peer } from './peers.js';

export const natsPeer: Peer = {
  name: 'nats',
  events: true,
  env: { NATS_URL: process.env['NATS_URL'] ?? 'nats://localhost:4222' },
  client: (app, headers) => new NatsClient(app.get<Env>(ENV).NATS_URL, headers),
};
