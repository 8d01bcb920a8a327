import { ClientMqtt, MqttRecordBuilder } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { mqttOptions } from './mqtt.options.js';

/** A client which sends headers along with every message. */
export class MqttClient extends ClientMqtt {
  constructor(
    url: string,
    private readonly headers = outgoingHeaders,
  ) {
    super(mqttOptions(url));
  }

  protected override createPacket(pattern: unknown, data: unknown) {
    const record = new MqttRecordBuilder(data).setQoS(1);
    const userProperties = this.headers();
    // A broker refuses a packet that says it has some and has none.
    if (Object.keys(userProperties).length > 0)
      record.setProperties({ userProperties });
    return super.createPacket(pattern, record.build());
  }
}
