import { ClientTCP, type TcpClientOptions } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message, as metadata. */
export class TcpClient extends ClientTCP {
  constructor(
    options: NonNullable<TcpClientOptions['options']>,
    headers = outgoingHeaders,
  ) {
    super(options);
    this.setOnDispatchHook((packet) => {
      packet.metadata = headers();
    });
  }
}
