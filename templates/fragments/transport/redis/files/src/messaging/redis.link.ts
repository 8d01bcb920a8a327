import { RedisContext, Transport } from '@nestjs/microservices';
import type { Link } from './link.js';
import { redisOptions } from './redis.options.js';

export const redis: Link = {
  name: 'redis',
  server: (env) => ({
    transport: Transport.REDIS,
    options: redisOptions(env.REDIS_URL),
  }),
  // Redis has no headers: Nest sends its metadata inside the packet.
  headers: (context) =>
    context instanceof RedisContext ? (context.getMetadata() ?? {}) : undefined,
};
