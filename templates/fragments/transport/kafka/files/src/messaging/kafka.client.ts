import { ClientKafka, type KafkaOptions } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message. */
export class KafkaClient extends ClientKafka {
  /** Only the replies to `requests` are listened for: name all that are sent. */
  constructor(
    options: NonNullable<KafkaOptions['options']>,
    private readonly headers = outgoingHeaders,
    requests: string[] = [],
  ) {
    super({ ...options, producerOnlyMode: requests.length === 0 });
    for (const request of requests) this.subscribeToResponseOf(request);
  }

  override send<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.send<R>(pattern, this.record(data));
  }

  override emit<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.emit<R>(pattern, this.record(data));
  }

  /** Messages of one item have one key, and so keep their order. */
  private record(data: unknown) {
    const { id: key = null } = data as { id?: string };
    return { key, value: data, headers: this.headers() };
  }
}
