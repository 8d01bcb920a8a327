import type { RedisOptions } from '@nestjs/microservices';

/** How to reach the Redis at `redis://…`, or at `rediss://…` behind TLS. */
export function redisOptions(at: string): NonNullable<RedisOptions['options']> {
  const url = new URL(at);
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
