import { ENV, type Env } from '../src/config/env.js';
import { RmqClient } from '../src/messaging/rmq.client.js';
import type { Peer } from './peers.js';

export const rmqPeer: Peer = {
  name: 'rmq',
  events: true,
  env: { RABBITMQ_URL: process.env['RABBITMQ_URL'] ?? 'amqp://localhost:5672' },
  client(app, headers) {
    const env = app.get<Env>(ENV);
    return new RmqClient(env.RABBITMQ_URL, env.RABBITMQ_EXCHANGE, headers);
  },
};
