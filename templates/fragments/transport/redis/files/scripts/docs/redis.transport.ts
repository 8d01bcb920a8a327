import { Transport } from '@nestjs/microservices';
import { packets } from './packets.js';
import { type DescribedTransport, hostOf } from './transport.js';

export const redis: DescribedTransport = {
  id: Transport.REDIS,
  name: 'redis',
  emits: true,
  wire: packets({ metadata: true, replyId: true }),
  server: (env) => ({
    host: hostOf(env.REDIS_URL),
    protocol: 'redis',
    description:
      'Redis Pub/Sub: every replica of the service gets every message.',
  }),
  reply: (pattern) => ({
    address: `${pattern}.reply`,
    description: 'Shared by all who ask: the id tells whose reply it is.',
  }),
};
