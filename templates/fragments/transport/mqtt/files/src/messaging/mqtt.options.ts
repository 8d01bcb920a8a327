import type { MqttOptions } from '@nestjs/microservices';

/** How to reach the broker at `mqtt://…`, or at `mqtts://…` behind TLS. */
export function mqttOptions(url: string): NonNullable<MqttOptions['options']> {
  // Before 5 a message has no headers.
  return { url, protocolVersion: 5 };
}
