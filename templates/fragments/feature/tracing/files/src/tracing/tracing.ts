import { setTimeout as sleep } from 'node:timers/promises';
import type { OnApplicationShutdown } from '@nestjs/common';

/** A collector that is away must not hold the shutdown back for longer. */
const LAST_SPANS_MS = 2000;

/** Ends the tracing, if there is any, when all else has ended. */
export class Tracing implements OnApplicationShutdown {
  static started?: { shutdown(): Promise<void> };

  async onApplicationShutdown(): Promise<void> {
    // OpenTelemetry itself tells why it could not send.
    const sent = Tracing.started?.shutdown().catch(() => undefined);
    await Promise.race([sent, sleep(LAST_SPANS_MS, undefined, { ref: false })]);
  }
}
