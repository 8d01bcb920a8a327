import type { INestApplication } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENV, type Env } from '../src/config/env.js';
import { signToken } from '../src/service-auth/service-token.js';
import { collectLog } from './log.js';
import { type Client, SERVICE, unsigned } from './peers.js';
import { startApp } from './running-app.js';

const able = unsigned.filter(({ events }) => events);

describe.each(able)('tokens of messages over $name', (peer) => {
  const log = collectLog();
  let app: INestApplication;
  let client: Client;
  let headers: Record<string, string> = {};

  const tokenFor = (audience: string) => {
    const { SERVICE_AUTH_SECRET: secret } = app.get<Env>(ENV);
    return signToken(secret, { issuer: 'a-test', audience, seconds: 60 });
  };
  const emit = (id: string, audience: string) => {
    headers = { authorization: `Bearer ${tokenFor(audience)}` };
    const event = client.emit!(`${SERVICE}.created`, { id, name: 'told' });
    return lastValueFrom(event, { defaultValue: undefined });
  };
  const handled = () => {
    const lines = log.filter(({ message }) => message === 'created');
    return lines.map(({ item }) => (item as { id: string }).id);
  };

  beforeAll(async () => {
    app = await startApp();
    client = peer.client(app, () => headers);
  });

  afterAll(async () => {
    await client.close();
    await app.close();
  });

  it('takes an event whose token is for it, and goes on after others', async () => {
    // More than a service holds at once, where a broker waits for it.
    for (let event = 0; event < 20; event++)
      await emit('refused', `${SERVICE}.deleted`);
    await emit('taken', `${SERVICE}.created`);
    await expect.poll(handled).toContain('taken');
    expect(handled()).not.toContain('refused');
  });

  it('says so where a token stands in the payload', async () => {
    headers = {};
    const data = { name: 'first', token: tokenFor(SERVICE) };
    const reply = lastValueFrom(client.send(`${SERVICE}.create`, data));
    await expect(reply).rejects.toEqual({
      status: 'error',
      code: 'UNAUTHORIZED',
      message:
        'the token belongs in the header authorization, not in the payload',
    });
  });
});
