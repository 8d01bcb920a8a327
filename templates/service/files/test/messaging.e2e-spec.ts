import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectLog } from './log.js';
import { type Client, peers, SERVICE } from './peers.js';
import { startApp } from './running-app.js';

interface Item {
  id: string;
  name: string;
}

describe.each(peers)('messages over $name', (peer) => {
  const log = collectLog();
  let app: INestApplication;
  let client: Client;

  const send = (verb: string, data: unknown) =>
    lastValueFrom(client.send(`${SERVICE}.${verb}`, data)) as Promise<Item>;

  beforeAll(async () => {
    app = await startApp();
    client = peer.client(app, () => ({ 'x-correlation-id': 'e2e-1' }));
  });

  afterAll(async () => {
    await client.close();
    await app.close();
  });

  it('creates, gets, updates and lists', async () => {
    const item = await send('create', { name: 'first' });
    expect(item).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      name: 'first',
      createdAt: expect.stringMatching(/^\d{4}-.+Z$/),
    });
    await expect(send('get', { id: item.id })).resolves.toEqual(item);

    const renamed = { ...item, name: 'second' };
    const { id, name } = renamed;
    await expect(send('update', { id, name })).resolves.toEqual(renamed);

    const other = await send('create', { name: 'other' });
    const items = client.send(`${SERVICE}.list`, {}).pipe(toArray());
    await expect(lastValueFrom(items)).resolves.toEqual([renamed, other]);
  });

  it('says what is wrong with a payload, and where', async () => {
    await expect(send('create', { name: '' })).rejects.toEqual({
      status: 'error',
      code: 'INVALID',
      message: 'the payload is invalid',
      issues: [{ path: 'name', message: expect.any(String) }],
    });
  });

  it('says that there is no such item', async () => {
    const id = randomUUID();
    await expect(send('get', { id })).rejects.toEqual({
      status: 'error',
      code: 'NOT_FOUND',
      message: `there is no item ${id}`,
    });
  });

  it('logs what it refuses under the correlation id of the sender', async () => {
    await expect(send('get', {})).rejects.toMatchObject({ code: 'INVALID' });
    const seen = { message: 'message refused', correlationId: 'e2e-1' };
    expect(log).toContainEqual(expect.objectContaining(seen));
  });
});
