import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { GrpcClient } from '../src/messaging/grpc.client.js';
import { GRPC_SERVICE, grpcService } from '../src/messaging/grpc.options.js';
import type { Peer } from './peers.js';

const url = `127.0.0.1:${await freePort()}`;
const service = { ...grpcService, service: GRPC_SERVICE };

export const grpcPeer: Peer = {
  name: 'grpc',
  events: false,
  env: { GRPC_URL: url },
  client: (_, headers) => new GrpcClient(`grpc://${url}`, service, headers),
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
