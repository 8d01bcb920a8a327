import { Transport } from '@nestjs/microservices';
import { QUEUE } from '../../src/messaging/rmq.queue.js';
import { packets } from './packets.js';
import { type DescribedTransport, hostOf } from './transport.js';

const bindingVersion = '0.3.0';

export const rmq: DescribedTransport = {
  id: Transport.RMQ,
  name: 'rmq',
  emits: true,
  // The correlation id of AMQP tells to which request a reply belongs.
  wire: packets({ metadata: false, replyId: false }),
  server: (env) => ({
    host: hostOf(env.RABBITMQ_URL),
    protocol: 'amqp',
    protocolVersion: '0.9.1',
    description: `The queue \`${QUEUE}\` is bound to the exchange by each routing key.`,
  }),
  reply: () => ({
    address: null,
    description:
      'The queue that the request names in its property `reply_to`, with its `correlation_id`.',
  }),
  channel: (_pattern, env) => ({
    amqp: {
      is: 'routingKey',
      exchange: { name: env.RABBITMQ_EXCHANGE, type: 'topic', durable: true },
      bindingVersion,
    },
  }),
  operation: (action) =>
    action === 'receive'
      ? { amqp: { ack: true, bindingVersion } }
      : { amqp: { deliveryMode: 2, bindingVersion } },
};
