import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { connect } from 'amqp-connection-manager';
import type { Channel } from 'amqplib';
import { ENV, type Env } from '../config/env.js';
import { QUEUE } from './rmq.queue.js';

export const DEAD_LETTER_EXCHANGE = `${QUEUE}.dlx`;
export const DEAD_LETTER_QUEUE = `${QUEUE}.dlq`;

/**
 * Declares where dead letters go, before the first message can become one:
 * RabbitMQ drops them without a word while the exchange is not there.
 */
@Injectable()
export class RmqDeadLetters implements OnModuleInit {
  private readonly logger = new Logger(RmqDeadLetters.name);

  constructor(@Inject(ENV) private readonly env: Env) {}

  async onModuleInit(): Promise<void> {
    const connection = connect([this.env.RABBITMQ_URL]);
    connection.on('connectFailed', ({ err }) => this.logger.error(err));
    const channel = connection.createChannel({ setup: declare });
    await channel.waitForConnect();
    await connection.close();
  }
}

async function declare(channel: Channel): Promise<void> {
  await channel.assertExchange(DEAD_LETTER_EXCHANGE, 'direct');
  await channel.assertQueue(DEAD_LETTER_QUEUE, {
    arguments: { 'x-queue-type': 'quorum' },
  });
  await channel.bindQueue(DEAD_LETTER_QUEUE, DEAD_LETTER_EXCHANGE, QUEUE);
}
