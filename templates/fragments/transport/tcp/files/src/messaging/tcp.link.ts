import { TcpContext, Transport } from '@nestjs/microservices';
import type { Link } from './link.js';

export const tcp: Link = {
  name: 'tcp',
  server: (env) => ({
    transport: Transport.TCP,
    options: { host: env.TCP_HOST, port: env.TCP_PORT },
  }),
  // TCP has no headers: Nest sends its metadata inside the packet.
  headers: (context) =>
    context instanceof TcpContext ? (context.getMetadata() ?? {}) : undefined,
};
