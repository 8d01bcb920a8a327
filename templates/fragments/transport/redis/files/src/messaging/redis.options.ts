import type { RedisOptions } from '@nestjs/microservices';
import type { Env } from '../config/env.js';

/** How the service reaches Redis, to listen and to send. */
export function redisOptions(env: Env): NonNullable<RedisOptions['options']> {
  const url = new URL(env.REDIS_URL);
  return {
    host: url.hostname,
    port: Number(url.port || 6379),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    tls: url.protocol === 'rediss:' ? {} : undefined,
    // Without a number Nest would never come back after a lost connection.
    retryAttempts: Infinity,
    retryDelay: 1000,
  };
}
