import { Transport } from '@nestjs/microservices';
import { packets } from './packets.js';
import type { DescribedTransport } from './transport.js';

export const tcp: DescribedTransport = {
  id: Transport.TCP,
  name: 'tcp',
  emits: false,
  wire: packets({ metadata: true, replyId: true }),
  server: (env) => ({
    host: `localhost:${env.TCP_PORT}`,
    protocol: 'tcp',
    description:
      'Each packet is JSON after its length in UTF-16 units and a `#`: `2#{}`.',
  }),
  reply: () => ({
    address: null,
    description: 'Replies come on the connection of their request.',
  }),
};
