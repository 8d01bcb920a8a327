import type { MqttOptions } from '@nestjs/microservices';
import type { Env } from '../config/env.js';

/** How the service reaches the broker, to listen and to send. */
export function mqttOptions(env: Env): NonNullable<MqttOptions['options']> {
  return {
    url: env.MQTT_URL,
    // Before 5 a message has no headers.
    protocolVersion: 5,
  };
}
