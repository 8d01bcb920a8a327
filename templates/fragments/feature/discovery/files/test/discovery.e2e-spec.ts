import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HEALTH_SETTINGS } from '../src/discovery/health-settings.js';
import { collectLog } from './log.js';
import { ask, startApp } from './running-app.js';

describe('the services that this one calls', () => {
  let status = 200;
  const called = createServer((_, response) =>
    response.writeHead(status).end(),
  );
  let app: INestApplication;
  let port: number;

  async function listen(at: number): Promise<void> {
    await once(called.listen(at, '127.0.0.1'), 'listening');
    ({ port } = called.address() as AddressInfo);
  }

  async function leave(): Promise<void> {
    const closed = once(called.close(), 'close');
    called.closeAllConnections();
    await closed;
  }

  /** What this service tells: its HTTP status, and how all of them are. */
  async function told() {
    const response = await ask(app, '/health/ready');
    const report = (await response.json()) as {
      details: Record<string, { status: string }>;
      status: string;
    };
    const names = Object.keys(HEALTH_SETTINGS);
    const all = new Set(names.map((name) => report.details[name]?.status));
    return { http: response.status, status: report.status, all: [...all] };
  }

  beforeAll(async () => {
    collectLog();
    await listen(0);
    vi.stubEnv('DISCOVERY_INTERVAL_MS', '100');
    for (const setting of Object.values(HEALTH_SETTINGS))
      vi.stubEnv(setting, `http://127.0.0.1:${port}/health/ready`);
    app = await startApp();
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await app.close();
    await leave();
  });

  const up = { http: 200, status: 'ok', all: ['up'] };
  const degraded = { http: 200, status: 'degraded', all: ['degraded'] };

  it('are told up', async () => {
    await expect.poll(told).toEqual(up);
  });

  it('are told degraded while they are away, and this one stays ready', async () => {
    await leave();
    await expect.poll(told).toEqual(degraded);
    await listen(port);
    await expect.poll(told).toEqual(up);
  });

  it('are told degraded while they are not ready themselves', async () => {
    status = 503;
    await expect.poll(told).toEqual(degraded);
    status = 200;
    await expect.poll(told).toEqual(up);
  });
});
