import { MqttContext } from '@nestjs/microservices';
import type { Link } from './link.js';
import { mqttOptions } from './mqtt.options.js';
import { SharedMqttServer } from './mqtt.server.js';

export const mqtt: Link = {
  name: 'mqtt',
  server: (env) => ({
    strategy: new SharedMqttServer(mqttOptions(env.MQTT_URL)),
  }),
  headers: (context) =>
    context instanceof MqttContext
      ? (context.getPacket()['properties']?.userProperties ?? {})
      : undefined,
};
