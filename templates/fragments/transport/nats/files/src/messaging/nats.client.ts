import { headers as natsHeaders } from '@nats-io/transport-node';
import { ClientNats, NatsRecordBuilder } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { natsOptions } from './nats.options.js';

/** A client which sends headers along with every message. */
export class NatsClient extends ClientNats {
  constructor(
    url: string,
    private readonly headers = outgoingHeaders,
  ) {
    super(natsOptions(url));
  }

  protected override createPacket(pattern: unknown, data: unknown) {
    const headers = this.natsHeaders();
    const record = new NatsRecordBuilder(data).setHeaders(headers).build();
    return super.createPacket(pattern, record);
  }

  protected natsHeaders() {
    const headers = natsHeaders();
    for (const [name, value] of Object.entries(this.headers()))
      headers.set(name, value);
    return headers;
  }
}
