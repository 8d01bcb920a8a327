import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { appOptions } from './app.js';
import { AppModule } from './app.module.js';
import { readEnv } from './config/env.js';
import { CannotStart } from './errors/cannot-start.js';
import { EventStore } from './event-store/event-store.js';

/** The position that `--from` tells; without it, that before all events. */
function fromPosition(): number {
  const { values } = parseArgs({ options: { from: { type: 'string' } } });
  const from = Number(values.from ?? '0');
  if (Number.isSafeInteger(from) && from >= 0) return from;
  throw new CannotStart(`--from ${values.from} is no position: give 0 or more`);
}

try {
  const from = fromPosition();
  if (existsSync('.env')) process.loadEnvFile();
  const env = readEnv(process.env);
  const module = AppModule.for(env);
  const app = await NestFactory.createApplicationContext(
    module,
    appOptions({ ...env, LOG_LEVEL: 'error' }),
  );
  const taken = await app.get(EventStore).replay(from);
  await app.close();
  console.log(JSON.stringify({ message: 'replayed', from, taken }));
} catch (error) {
  console.error(error instanceof CannotStart ? error.message : error);
  process.exit(1);
}
