import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import {
  BehaviorSubject,
  defer,
  filter,
  finalize,
  firstValueFrom,
  type Observable,
  race,
  timer,
} from 'rxjs';
import { ENV, type Env } from '../config/env.js';

/** A reply is written after its handler has ended: time for it to leave. */
const LAST_REPLY_MS = 100;

/**
 * Holds the shutdown back while messages are being handled: Nest closes the
 * transports after this hook, and would cut off their replies otherwise.
 */
@Injectable()
export class DrainInterceptor
  implements NestInterceptor, BeforeApplicationShutdown
{
  private readonly logger = new Logger(DrainInterceptor.name);
  private readonly running = new BehaviorSubject(0);

  constructor(@Inject(ENV) private readonly env: Env) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    return defer(() => {
      this.running.next(this.running.value + 1);
      return next.handle();
    }).pipe(finalize(() => this.running.next(this.running.value - 1)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    const idle = this.running.pipe(filter((count) => count === 0));
    await firstValueFrom(race(idle, timer(this.env.SHUTDOWN_GRACE_MS)));
    await sleep(LAST_REPLY_MS);
    const cut = this.running.value;
    if (cut > 0) this.logger.warn(`messages cut off by the shutdown: ${cut}`);
  }
}
