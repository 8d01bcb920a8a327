import {
  ClientRMQ,
  type RmqOptions,
  RmqRecordBuilder,
} from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message. */
export class RmqClient extends ClientRMQ {
  constructor(
    options: NonNullable<RmqOptions['options']>,
    private readonly headers = outgoingHeaders,
  ) {
    super({ persistent: true, ...options });
  }

  override send<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.send<R>(pattern, this.record(data));
  }

  override emit<R>(pattern: unknown, data: unknown): Observable<R> {
    return super.emit<R>(pattern, this.record(data));
  }

  private record(data: unknown) {
    return new RmqRecordBuilder(data)
      .setOptions({ headers: this.headers() })
      .build();
  }
}
