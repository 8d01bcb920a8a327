import { existsSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { appOptions, start } from './app.js';
import { AppModule } from './app.module.js';
import { readEnv } from './config/env.js';
import { CannotStart } from './errors/cannot-start.js';

try {
  if (existsSync('.env')) process.loadEnvFile();
  const env = readEnv(process.env);
  const app = await NestFactory.create(AppModule.for(env), appOptions(env));
  await start(app, env);
} catch (error) {
  console.error(error instanceof CannotStart ? error.message : error);
  process.exit(1);
}
