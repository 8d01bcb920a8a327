import { readFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { parseEnv } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { appOptions, start } from '../src/app.js';
import { AppModule } from '../src/app.module.js';
import { readEnv } from '../src/config/env.js';
import { peers } from './peers.js';

const example = parseEnv(readFileSync('.env.example', 'utf8'));

/** Starts the whole service on free ports. */
export async function startApp(
  change = (builder: TestingModuleBuilder) => builder,
): Promise<INestApplication> {
  const free = { HTTP_PORT: '0', LOG_LEVEL: 'info' };
  const settings = [process.env, free, ...peers.map((peer) => peer.env)];
  const env = readEnv(Object.assign({ ...example }, ...settings));
  const builder = Test.createTestingModule({ imports: [AppModule.for(env)] });
  const module = await change(builder).compile();
  const app = module.createNestApplication(appOptions(env));
  await start(app, env);
  return app;
}

/** Asks the service over HTTP. */
export function ask(app: INestApplication, path: string, init?: RequestInit) {
  const server: Server = app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}${path}`, init);
}
