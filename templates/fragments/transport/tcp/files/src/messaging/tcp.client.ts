import { ClientTCP } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message, as metadata. */
export class TcpClient extends ClientTCP {
  /** Of a service at `tcp://host:port`, or at `tcps://…` behind TLS. */
  constructor(url: string, headers = outgoingHeaders) {
    const { protocol, hostname, port } = new URL(url);
    super({
      // A URL has brackets around an IPv6 address, a socket has none.
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 4000),
      ...(protocol === 'tcps:' && { tlsOptions: {} }),
    });
    this.setOnDispatchHook((packet) => {
      packet.metadata = headers();
    });
  }
}
