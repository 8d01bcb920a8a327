import { existsSync } from 'node:fs';
import { readEnv } from './config/env.js';
import { JsonLogger } from './context/json-logger.js';
import { migrate } from './database/migrate.js';
import { CannotStart } from './errors/cannot-start.js';

try {
  if (existsSync('.env')) process.loadEnvFile();
  const env = readEnv(process.env);
  const done = await migrate(env);
  new JsonLogger(env.LOG_LEVEL).log('migrated', { done });
} catch (error) {
  console.error(error instanceof CannotStart ? error.message : error);
  process.exit(1);
}
