import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { ENV, type Env } from '../config/env.js';
import { Readiness } from '../health/readiness.js';
import { HEALTH_SETTINGS } from './health-settings.js';

/** How long a service has to tell how it is. */
const PATIENCE_MS = 2000;

/**
 * Knows how the services are that this one calls. One that is away leaves this
 * one degraded, yet ready: to take it out of service as well would help nobody.
 */
@Injectable()
export class CalledServices
  implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  private readonly logger = new Logger(CalledServices.name);
  private readonly ended = new AbortController();
  /** Why each service is away that is. */
  private readonly away = new Map<string, string>();

  constructor(
    private readonly readiness: Readiness,
    private readonly indicators: HealthIndicatorService,
    @Inject(ENV) private readonly env: Env,
  ) {}

  onModuleInit(): void {
    for (const name of Object.keys(HEALTH_SETTINGS)) {
      this.away.set(name, 'not asked yet');
      this.readiness.checks.push(() => {
        const check = this.indicators.check(name);
        const why = this.away.get(name);
        return why === undefined ? check.up() : check.degraded(why);
      });
    }
  }

  // Not when it is asked itself: two that call each other would wait in a circle.
  onApplicationBootstrap(): void {
    for (const [name, setting] of Object.entries(HEALTH_SETTINGS))
      void this.watch(name, this.env[setting]);
  }

  onApplicationShutdown(): void {
    this.ended.abort();
  }

  private async watch(name: string, url: string): Promise<void> {
    const { signal } = this.ended;
    while (!signal.aborted) {
      const why = await whyAway(url, signal);
      if (!signal.aborted) this.note(name, why);
      const pause = this.env.DISCOVERY_INTERVAL_MS;
      await sleep(pause, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  /** Tells the log what has changed. */
  private note(name: string, why: string | undefined): void {
    const before = this.away.get(name);
    if (why === before) return;
    if (why === undefined) {
      this.away.delete(name);
      this.logger.log('called service is up', { called: name });
    } else {
      this.away.set(name, why);
      this.logger.warn('called service is away', { called: name, why });
    }
  }
}

/** Why a service is not ready to be called; nothing where it is. */
async function whyAway(
  url: string,
  ended: AbortSignal,
): Promise<string | undefined> {
  const signal = AbortSignal.any([ended, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const answer = await fetch(url, { signal });
    await answer.body?.cancel();
    return answer.ok ? undefined : `HTTP ${answer.status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** What `fetch` only tells as the cause of its failure. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return String(typeof code === 'string' ? code : message);
}
