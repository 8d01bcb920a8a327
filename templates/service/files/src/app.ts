import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { Env } from './config/env.js';
import { httpContext } from './context/http-context.js';
import { JsonLogger } from './context/json-logger.js';
import { LinkStatus } from './messaging/link-status.js';
import { links } from './messaging/links.js';

export function appOptions(env: Env): NestApplicationOptions {
  return {
    abortOnError: false,
    logger: new JsonLogger(env.LOG_LEVEL),
    return503OnClosing: true,
  };
}

/** Listens on every transport, and then, when it is ready, on HTTP. */
export async function start(app: INestApplication, env: Env): Promise<void> {
  app.useSecurityHeaders();
  app.use(httpContext);
  for (const link of links) {
    const server = app.connectMicroservice<MicroserviceOptions>(
      link.server(env),
      { inheritAppConfig: true },
    );
    app.get(LinkStatus).watch(link.name, server);
  }
  // Without useProcessExit Nest ends by killing itself with the signal.
  app.enableShutdownHooks([], { useProcessExit: true });
  // What is made ready on initialization is ready for the first message, too.
  await app.init();
  await app.startAllMicroservices();
  await app.listen(env.HTTP_PORT);
}
