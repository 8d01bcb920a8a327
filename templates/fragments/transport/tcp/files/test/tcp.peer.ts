import { type AddressInfo, Server } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import type { Peer } from './peers.js';

export const tcpPeer: Peer = {
  name: 'tcp',
  env: { TCP_HOST: '127.0.0.1', TCP_PORT: '0' },
  options: (app) => ({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: portOf(app) },
  }),
  client(app, headers) {
    const client = ClientProxyFactory.create(this.options(app));
    client.setOnDispatchHook((packet) => {
      packet.metadata = headers;
    });
    return client;
  },
};

function portOf(app: INestApplication): number {
  const server = app
    .getMicroservices()
    .map((microservice) => microservice.unwrap<unknown>())
    .find((listener) => listener instanceof Server);
  return (server!.address() as AddressInfo).port;
}
