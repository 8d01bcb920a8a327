import type { INestApplication } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectLog } from './log.js';
import { peers, SERVICE } from './peers.js';
import { ask, startApp } from './running-app.js';

describe('metrics', () => {
  let app: INestApplication;

  beforeAll(async () => {
    collectLog();
    app = await startApp();
  });

  afterAll(() => app.close());

  it('describes the process', async () => {
    const response = await ask(app, '/metrics');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(await response.text()).toContain('process_cpu_seconds_total');
  });

  it.each(peers)('counts messages over $name by outcome', async (peer) => {
    const client = peer.client(app);
    await lastValueFrom(client.send(`${SERVICE}.create`, { name: 'first' }));
    await lastValueFrom(client.send(`${SERVICE}.get`, {})).catch(
      () => undefined,
    );
    await client.close();

    const text = await (await ask(app, '/metrics')).text();
    expect(text).toMatch(/_count\{kind="rpc",handler="\w+.create",code="OK"\}/);
    expect(text).toMatch(/_count\{kind="rpc",handler="\w+.get",code="INVALID"/);
  });
});
