import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { DEAD_LETTERS } from '../src/messaging/jetstream.streams.js';
import { collectLog } from './log.js';
import { natsPeer } from './nats.peer.js';
import { SERVICE } from './peers.js';
import { startApp } from './running-app.js';

it('keeps an event over NATS which it cannot handle', async () => {
  collectLog();
  const app = await startApp();
  const connection = await connect({ servers: natsPeer.env['NATS_URL'] });
  const { streams } = await jetstreamManager(connection);

  const client = natsPeer.client(app);
  const id = randomUUID();
  await lastValueFrom(client.emit!(`${SERVICE}.created`, { id }), {
    defaultValue: undefined,
  });
  const last_by_subj = `dlq.${SERVICE}.created`;
  const letter = async () => {
    const message = await streams.getMessage(DEAD_LETTERS, { last_by_subj });
    return message?.json();
  };
  await expect.poll(letter).toMatchObject({ data: { id } });

  await connection.close();
  await client.close();
  await app.close();
});
