import { headers as natsHeaders } from '@nats-io/transport-node';
import {
  ClientNats,
  type NatsOptions,
  NatsRecordBuilder,
} from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message. */
export class NatsClient extends ClientNats {
  constructor(
    options: NonNullable<NatsOptions['options']>,
    private readonly headers = outgoingHeaders,
  ) {
    super(options);
  }

  override send<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.send<R>(pattern, this.record(data));
  }

  override emit<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.emit<R>(pattern, this.record(data));
  }

  private record(data: unknown) {
    const headers = natsHeaders();
    for (const [name, value] of Object.entries(this.headers()))
      headers.set(name, value);
    return new NatsRecordBuilder(data).setHeaders(headers).build();
  }
}
