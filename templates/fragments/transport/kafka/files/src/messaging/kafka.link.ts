import { KafkaContext } from '@nestjs/microservices';
import { kafkaOptions } from './kafka.options.js';
import { SteadyKafkaServer } from './kafka.server.js';
import type { Link } from './link.js';

export const kafka: Link = {
  name: 'kafka',
  server: (env) => ({
    strategy: new SteadyKafkaServer({
      ...kafkaOptions(env.KAFKA_BROKERS),
      // What was sent before the first start is handled, too.
      subscribe: { fromBeginning: true },
    }),
  }),
  headers: (context) =>
    context instanceof KafkaContext
      ? (context.getMessage().headers ?? {})
      : undefined,
};
