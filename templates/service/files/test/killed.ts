import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Env } from '../src/config/env.js';

/** How often a test kills the service: `E2E_KILLS=50` is slower, and surer. */
export const KILLS = Number(process.env['E2E_KILLS'] ?? 10);

/** How often the database is asked for work that another process left. */
const POLL_MS = '10';

/** The service as it was built: it listens to nothing, and works all the same. */
const program = (prepare: string) => `
  import { NestFactory } from '@nestjs/core';
  import { AppModule } from './dist/app.module.js';
  import { readEnv } from './dist/config/env.js';

  const module = AppModule.for(readEnv(process.env));
  const app = await NestFactory.create(module, { logger: false });
  ${prepare}
  await app.init();
  console.log('ready');
`;

/**
 * Has `work` done, again and again, beside processes of the service, each of
 * which is killed at a random moment of it, but for the last, which goes on
 * until the end of the test. Before it starts, each runs `prepare`, which knows
 * `app`.
 */
export async function killAgainAndAgain(
  env: Env,
  work: () => Promise<void>,
  prepare = '',
): Promise<void> {
  if (newest('dist/main.js') < newest('src/**/*.ts'))
    execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  const start = () => {
    const words = ['--input-type=module', '--eval', program(prepare)];
    const service = spawn(process.execPath, words, {
      env: { ...process.env, ...settingsOf(env) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void service.kill('SIGKILL'));
    return service;
  };

  let next = start();
  for (let kills = 0; kills < KILLS; kills++) {
    const service = next;
    await ready(service);
    next = start();
    const working = work();
    await sleep(Math.random() * 100);
    service.kill('SIGKILL');
    await Promise.all([once(service, 'exit'), working]);
  }
  await ready(next);
}

async function ready(service: ChildProcess): Promise<void> {
  const ended = once(service, 'exit').then(() => {
    throw new Error('the service does not start');
  });
  await Promise.race([once(service.stdout!, 'data'), ended]);
}

function settingsOf(env: Env): Record<string, string> {
  const settings = Object.entries(env).map(([key, value]) => [
    key,
    key.endsWith('_POLL_MS') ? POLL_MS : String(value),
  ]);
  return Object.fromEntries(settings);
}

/** When the newest of these files was changed; 0 if there are none. */
function newest(pattern: string): number {
  return Math.max(
    0,
    ...globSync(pattern).map((path) => statSync(path).mtimeMs),
  );
}
