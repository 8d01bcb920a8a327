import { ClientRMQ, RmqRecordBuilder } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { rmqOptions } from './rmq.options.js';

/** A client which sends headers along with every message. */
export class RmqClient extends ClientRMQ {
  constructor(
    url: string,
    exchange: string,
    private readonly headers = outgoingHeaders,
  ) {
    super({ persistent: true, ...rmqOptions(url, exchange) });
  }

  protected override createPacket(pattern: unknown, data: unknown) {
    const record = new RmqRecordBuilder(data)
      .setOptions({ headers: this.headers() })
      .build();
    return super.createPacket(pattern, record);
  }
}
