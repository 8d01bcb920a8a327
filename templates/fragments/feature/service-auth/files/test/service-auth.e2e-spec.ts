import type { INestApplication } from '@nestjs/common';
import jwt from 'jsonwebtoken';
import { lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENV, type Env } from '../src/config/env.js';
import { signToken } from '../src/service-auth/service-token.js';
import { collectLog } from './log.js';
import { type Client, SERVICE, unsigned } from './peers.js';
import { startApp } from './running-app.js';

const other = 'the-secret-to-which-all-services-change';
const claims = { issuer: 'a-test', audience: SERVICE, seconds: 60 };

/** Makes a token as the service's own secret can, or not. */
const tokens: Record<string, (secret: string) => string> = {
  forged: () => signToken('a-secret-that-nobody-else-has-got', claims),
  expired: (secret) => signToken(secret, { ...claims, seconds: -60 }),
  'for another service': (secret) =>
    signToken(secret, { ...claims, audience: 'another' }),
  'good for too long': (secret) =>
    signToken(secret, { ...claims, seconds: 3600 }),
  'of the algorithm none': () =>
    jwt.sign({ iss: 'a-test', aud: SERVICE }, null, {
      algorithm: 'none',
      expiresIn: 60,
    }),
  'of another algorithm': (secret) =>
    jwt.sign({ iss: 'a-test', aud: SERVICE }, secret, {
      algorithm: 'HS512',
      expiresIn: 60,
    }),
};

describe.each(unsigned)('a service that is called over $name', (peer) => {
  const log = collectLog();
  let app: INestApplication;
  let client: Client;
  let secret: string;
  let headers: Record<string, string> = {};

  const bear = (token: string) => {
    headers = { authorization: `Bearer ${token}` };
  };
  const send = (verb: string, data: object) =>
    lastValueFrom(client.send(`${SERVICE}.${verb}`, data));
  const create = () => send('create', { name: 'first' });

  beforeAll(async () => {
    process.env['SERVICE_AUTH_SECRET_OTHER'] = other;
    app = await startApp();
    secret = app.get<Env>(ENV).SERVICE_AUTH_SECRET;
    client = peer.client(app, () => headers);
  });

  afterAll(async () => {
    await client.close();
    await app.close();
  });

  it('answers who bears a token of either secret', async () => {
    bear(signToken(secret, claims));
    await expect(create()).resolves.toMatchObject({ name: 'first' });
    bear(signToken(other, claims));
    await expect(create()).resolves.toMatchObject({ name: 'first' });
  });

  it('knows who has called', async () => {
    bear(signToken(secret, { ...claims, issuer: 'somebody' }));
    await expect(send('get', {})).rejects.toMatchObject({ code: 'INVALID' });
    const seen = { message: 'message refused', caller: 'somebody' };
    expect(log).toContainEqual(expect.objectContaining(seen));
  });

  it.each(Object.keys(tokens))('refuses a token that is %s', async (kind) => {
    bear(tokens[kind]!(secret));
    const refusal = { status: 'error', code: 'UNAUTHORIZED' };
    await expect(create()).rejects.toMatchObject(refusal);
  });

  it('refuses who bears none', async () => {
    headers = {};
    await expect(create()).rejects.toEqual({
      status: 'error',
      code: 'UNAUTHORIZED',
      message: 'a token is missing: authorization: Bearer <token>',
    });
  });
});
