import type { INestApplication } from '@nestjs/common';
import { of } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LinkStatus } from '../src/messaging/link-status.js';
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
      details: Object.fromEntries(up),
    });
  });

  it('reports on the process too', async () => {
    const response = await ask(app, '/health');
    expect(await response.json()).toMatchObject({
      details: { process: { status: 'up', node: process.version } },
    });
  });

  it('is not ready while a transport is not connected', async () => {
    app.get(LinkStatus).watch('another', { status: of('reconnecting') });
    const response = await ask(app, '/health/ready');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      error: { another: { status: 'down', state: 'reconnecting' } },
    });
  });
});
