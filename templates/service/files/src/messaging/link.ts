import type { MicroserviceOptions } from '@nestjs/microservices';
import type { Env } from '../config/env.js';

/** What the service has to know about one transport it listens on. */
export interface Link {
  readonly name: string;
  /** How to listen. */
  server(env: Env): MicroserviceOptions;
  /** The headers of a message, if it came by this transport. */
  headers(context: unknown): Record<string, unknown> | undefined;
}
