import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { kafkaPeer } from './kafka.peer.js';
import { collectLog } from './log.js';
import { SERVICE } from './peers.js';
import { startApp } from './running-app.js';

it('keeps an event over Kafka which it cannot handle', async () => {
  collectLog();
  const app = await startApp();
  const kafka = new Kafka({
    brokers: kafkaPeer.env['KAFKA_BROKERS']!.split(','),
    logLevel: logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId: randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic: `${SERVICE}.created.dlq` });
  const letters: unknown[] = [];
  await consumer.run({
    eachMessage: async ({ message }) => {
      letters.push(JSON.parse(message.value!.toString()));
    },
  });

  const client = kafkaPeer.client(app);
  const letter = { id: randomUUID() };
  await lastValueFrom(client.emit!(`${SERVICE}.created`, letter), {
    defaultValue: undefined,
  });
  await expect.poll(() => letters).toContainEqual(letter);

  await consumer.disconnect();
  await client.close();
  await app.close();
});
