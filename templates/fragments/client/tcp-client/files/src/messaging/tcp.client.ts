import { type ClientOptions, Transport } from '@nestjs/microservices';

/** A service at `tcp://host:port`, or at `tcps://host:port` behind TLS. */
export function tcpClient(url: string): ClientOptions {
  const { protocol, hostname, port } = new URL(url);
  return {
    transport: Transport.TCP,
    options: {
      // A URL has brackets around an IPv6 address, a socket has none.
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 4000),
      ...(protocol === 'tcps:' && { tlsOptions: {} }),
    },
  };
}
