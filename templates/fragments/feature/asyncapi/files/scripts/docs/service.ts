import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Type } from '@nestjs/common';
import { MetadataScanner, ModulesContainer, NestFactory } from '@nestjs/core';
import type { z } from 'zod';
import { AppModule } from '../../src/app.module.js';
import { type Env, readEnv } from '../../src/config/env.js';
import {
  EMITTED_EVENT,
  type EmittedEvent,
} from '../../src/contract/contract.js';

/** The service as Nest knows it before anything of it is made. */
export interface Service {
  name: string;
  version: string;
  env: Env;
  controllers: Type[];
  events: EmittedEvent[];
}

/** Has Nest find out what there is; nothing is connected or started. */
export async function readService(): Promise<Service> {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    name: string;
    version: string;
  };
  // What everybody has, whatever the environment.
  const env = readEnv(parseEnv(readFileSync('.env.example', 'utf8')));
  const app = await NestFactory.createApplicationContext(AppModule.for(env), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  const modules = [...app.get(ModulesContainer).values()];
  const controllers = modules.flatMap((module) =>
    classesOf([...module.controllers.values()]),
  );
  const providers = modules.flatMap((module) =>
    classesOf([...module.providers.values()]),
  );
  await app.close();
  const events = [...new Set([...controllers, ...providers])].flatMap(eventsOf);
  return {
    name: manifest.name,
    version: manifest.version,
    env,
    controllers,
    events,
  };
}

function classesOf(wrappers: { metatype: unknown }[]): Type[] {
  return wrappers
    .map(({ metatype }) => metatype)
    .filter((type): type is Type => {
      return typeof type === 'function' && type.prototype !== undefined;
    });
}

/** The methods of a class, by their names. */
export function methodsOf(type: Type): [string, object][] {
  const prototype = type.prototype as Record<string, object>;
  return new MetadataScanner()
    .getAllMethodNames(prototype)
    .map((name) => [name, prototype[name]!]);
}

function eventsOf(type: Type): EmittedEvent[] {
  return methodsOf(type).flatMap(
    ([, method]) =>
      (Reflect.getMetadata(EMITTED_EVENT, method) as EmittedEvent) ?? [],
  );
}

/** A parameter of a handler, as its decorator tells it. */
export interface Parameter {
  name?: string;
  schema?: z.ZodType;
}

/** The parameters of a handler whose decorators Nest knows by `kind`. */
export function parametersOf(
  [type, method, metadata]: [Type, string, string],
  kind: number,
): Parameter[] {
  const all = (Reflect.getMetadata(metadata, type, method) ?? {}) as Record<
    string,
    { data?: string; schema?: z.ZodType }
  >;
  return Object.entries(all)
    .filter(([key]) => Number.parseInt(key, 10) === kind)
    .map(([, { data, schema }]) => ({ name: data, schema }));
}
