import { TcpClient } from './tcp.client.js';

/** A client of a service at `tcp://host:port`, or at `tcps://…` behind TLS. */
export function tcpClient(url: string): TcpClient {
  const { protocol, hostname, port } = new URL(url);
  return new TcpClient({
    // A URL has brackets around an IPv6 address, a socket has none.
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 4000),
    ...(protocol === 'tcps:' && { tlsOptions: {} }),
  });
}
