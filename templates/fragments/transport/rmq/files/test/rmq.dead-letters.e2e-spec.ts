import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { DEAD_LETTER_QUEUE } from '../src/messaging/rmq.dead-letters.js';
import { collectLog } from './log.js';
import { SERVICE } from './peers.js';
import { rmqPeer } from './rmq.peer.js';
import { startApp } from './running-app.js';

it('keeps an event over RabbitMQ which it cannot handle', async () => {
  collectLog();
  const app = await startApp();
  const connection = await connect(rmqPeer.env['RABBITMQ_URL']!);
  const channel = await connection.createChannel();
  await channel.purgeQueue(DEAD_LETTER_QUEUE);

  const client = rmqPeer.client(app);
  const id = randomUUID();
  await lastValueFrom(client.emit!(`${SERVICE}.created`, { id }), {
    defaultValue: undefined,
  });
  const letter = async () => {
    const message = await channel.get(DEAD_LETTER_QUEUE, { noAck: true });
    return message ? JSON.parse(message.content.toString()) : undefined;
  };
  await expect.poll(letter).toMatchObject({ data: { id } });

  await connection.close();
  await client.close();
  await app.close();
});
