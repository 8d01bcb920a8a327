import {
  ClientMqtt,
  type MqttOptions,
  MqttRecordBuilder,
} from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message. */
export class MqttClient extends ClientMqtt {
  constructor(
    options: NonNullable<MqttOptions['options']>,
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
    const record = new MqttRecordBuilder(data).setQoS(1);
    const userProperties = this.headers();
    // A broker refuses a packet that says it has some and has none.
    if (Object.keys(userProperties).length > 0)
      record.setProperties({ userProperties });
    return record.build();
  }
}
