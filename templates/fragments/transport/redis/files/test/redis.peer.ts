import { ENV, type Env } from '../src/config/env.js';
import { RedisClient } from '../src/messaging/redis.client.js';
import type { Peer } from './peers.js';

export const redisPeer: Peer = {
  name: 'redis',
  events: true,
  env: { REDIS_URL: process.env['REDIS_URL'] ?? 'redis://localhost:6379' },
  client: (app, headers) =>
    new RedisClient(app.get<Env>(ENV).REDIS_URL, headers),
};
