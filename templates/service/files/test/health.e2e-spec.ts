import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectLog } from './log.js';
import { peers } from './peers.js';
import { ask, startApp } from './running-app.js';

describe('health', () => {
  let app: INestApplication;

  beforeAll(async () => {
    collectLog();
    app = await startApp();
  });

  afterAll(() => app.close());

  it('is alive', async () => {
    const response = await ask(app, '/health/live');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok' });
  });

  it('is ready as soon as every transport listens', async () => {
    const response = await ask(app, '/health/ready');
    expect(response.status).toBe(200);
    const up = peers.map(({ name }) => [name, { status: 'up' }]);
    expect(await response.json()).toMatchObject({
      status: 'ok',
      details: Object.fromEntries(up),
    });
  });

  it('reports on the process too', async () => {
    const response = await ask(app, '/health');
    expect(await response.json()).toMatchObject({
      details: { process: { status: 'up', node: process.version } },
    });
  });

  it('is not ready once a transport has stopped', async () => {
    await Promise.all(app.getMicroservices().map((server) => server.close()));
    const response = await ask(app, '/health/ready');
    expect(response.status).toBe(503);
    const down = peers.map(({ name }) => [name, { status: 'down' }]);
    expect(await response.json()).toMatchObject({
      error: Object.fromEntries(down),
    });
  });
});
