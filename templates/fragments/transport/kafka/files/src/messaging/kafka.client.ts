import { ClientKafka } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { kafkaOptions } from './kafka.options.js';

/** A client which sends headers along with every message. */
export class KafkaClient extends ClientKafka {
  /**
   * Only the replies to `requests` are listened for: name all that are sent.
   * Clients with other requests are another `group`.
   */
  constructor(
    brokers: string | string[],
    requests: string[] = [],
    group?: string,
    private readonly headers = outgoingHeaders,
  ) {
    const producerOnlyMode = requests.length === 0;
    super({ ...kafkaOptions(brokers, group), producerOnlyMode });
    for (const request of requests) this.subscribeToResponseOf(request);
  }

  /** Messages of one item have one key, and so keep their order. */
  protected override createPacket(pattern: unknown, data: unknown) {
    const { id: key = null } = data as { id?: string };
    const record = { key, value: data, headers: this.headers() };
    return super.createPacket(pattern, record);
  }
}
