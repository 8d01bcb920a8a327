import { Transport } from '@nestjs/microservices';
import { packets } from './packets.js';
import { type DescribedTransport, hostOf } from './transport.js';

export const mqtt: DescribedTransport = {
  id: Transport.MQTT,
  name: 'mqtt',
  emits: true,
  wire: packets({ metadata: false, replyId: true }),
  server: (env) => ({
    host: hostOf(env.MQTT_URL),
    protocol: 'mqtt',
    protocolVersion: '5.0',
    description:
      'Headers are user properties. Replicas share their subscriptions.',
  }),
  reply: (pattern) => ({
    address: `${pattern}/reply`,
    description: 'Shared by all who ask: the id tells whose reply it is.',
  }),
  operation: () => ({ mqtt: { qos: 1, bindingVersion: '0.2.0' } }),
};
