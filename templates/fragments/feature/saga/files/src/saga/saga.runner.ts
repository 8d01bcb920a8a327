import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ENV, type Env } from '../config/env.js';
import {
  acceptCorrelationId,
  runWithCorrelationId,
} from '../context/request-context.js';
import { BackgroundWork, backoffMs } from '../database/background-work.js';
import { Database } from '../database/database.js';
import { type SagaContext, type SagaStep, StepRefused } from './saga.js';
import {
  LONGEST_TIMER_MS,
  type OpenSaga,
  type Progress,
  SagaStore,
} from './saga.store.js';
import { Sagas } from './sagas.js';

/** A step itself has failed, not what is around it. */
class StepFailed extends Error {}

/** How often sagas that ended long ago are taken away. */
const PURGE_MS = 3_600_000;

/** Takes sagas further, step by step, whoever has started them. */
@Injectable()
export class SagaRunner
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  private readonly logger = new Logger(SagaRunner.name);
  /** Aborted when a shutdown has waited long enough for steps. */
  private readonly cut = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private work?: BackgroundWork;

  constructor(
    private readonly sagas: Sagas,
    private readonly store: SagaStore,
    private readonly database: Database,
    @Inject(ENV) private readonly env: Env,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const names = await this.store.othersThan(this.sagas.names());
    if (names.length > 0)
      this.logger.warn('sagas that nobody here knows are left', { names });
    const { SAGA_CONCURRENCY, SAGA_POLL_MS, DATABASE_POOL_MAX } = this.env;
    // Steps hold connections: one at least is left for all else.
    const concurrency = Math.min(SAGA_CONCURRENCY, DATABASE_POOL_MAX - 1);
    const advance = () => this.advance();
    const work = new BackgroundWork(advance, SAGA_POLL_MS, concurrency);
    this.sagas.started.subscribe(() => work.wake());
    this.work = work;
    this.timers.push(setInterval(() => void this.purge(), PURGE_MS).unref());
  }

  onModuleDestroy(): void {
    const { SHUTDOWN_GRACE_MS } = this.env;
    this.timers.push(setTimeout(() => this.cut.abort(), SHUTDOWN_GRACE_MS));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.work?.stop();
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** Takes a saga one step further; tells whether there was one. */
  private async advance(): Promise<boolean> {
    let saga: OpenSaga | undefined;
    try {
      saga = await this.store.claim(this.sagas.names());
      if (saga) await this.takeFurther(saga);
      return saga !== undefined;
    } catch (error) {
      const told = { id: saga?.id, cause: String(error) };
      if (this.cut.signal.aborted)
        this.logger.warn('saga cut off by the shutdown', told);
      else this.logger.error('no saga goes on', told);
      return false;
    }
  }

  private takeFurther(saga: OpenSaga): Promise<void> {
    const id = acceptCorrelationId(saga.correlationId);
    return runWithCorrelationId(id, () => this.takeStep(saga));
  }

  private takeStep(saga: OpenSaga): Promise<void> {
    const { name, state, leftMs, begun, steps } = saga;
    if (state === 'running' && leftMs <= 0)
      return this.takeBack(saga, begun, 'the saga took too long');
    const stepName = steps[saga.step] ?? '';
    const step = this.sagas.step(name, stepName);
    if (!step)
      return this.putOff(saga, `there is no step ${stepName} any more`);
    return state === 'running'
      ? this.run(saga, step)
      : this.compensate(saga, step);
  }

  private async run(saga: OpenSaga, step: SagaStep<object>): Promise<void> {
    const next = saga.step + 1;
    const state = next < saga.steps.length ? 'running' : 'done';
    try {
      await this.attempt(saga, step, saga.leftMs, async (context) => {
        const added = await step.run(context);
        return { state, step: next, data: { ...saga.data, ...added } };
      });
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      // An attempt before this one may have done it.
      const nothingIsDone =
        error.cause instanceof StepRefused && saga.attempts === 1;
      const last = nothingIsDone ? saga.step - 1 : saga.step;
      await this.takeBack(saga, last, error.message);
    }
  }

  private async compensate(
    saga: OpenSaga,
    step: SagaStep<object>,
  ): Promise<void> {
    try {
      await this.attempt(saga, step, LONGEST_TIMER_MS, async (context) => {
        await step.compensate?.(context);
        return backTo(saga.step - 1);
      });
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      await this.putOff(saga, error.message);
    }
  }

  /**
   * Does one thing and stores how far the saga is then, both or neither. All
   * the while nobody else can take the saga further.
   */
  private attempt(
    saga: OpenSaga,
    step: SagaStep<object>,
    leftMs: number,
    work: (context: SagaContext<object>) => Promise<Progress>,
  ): Promise<void> {
    const { SAGA_STEP_TIMEOUT_MS, DATABASE_TIMEOUT_MS } = this.env;
    const patience = step.timeoutMs ?? SAGA_STEP_TIMEOUT_MS;
    const ms = Math.ceil(Math.min(patience, leftMs, LONGEST_TIMER_MS));
    const { id, data } = saga;
    return this.database.transaction(async () => {
      const isOurs = await this.store.hold(saga, ms + DATABASE_TIMEOUT_MS);
      if (!isOurs) return;
      const to = await this.within(ms, (signal) => work({ id, data, signal }));
      await this.store.move(saga, to);
    });
  }

  /** Waits for it until the time is up, or the shutdown cuts it off. */
  private async within<T>(
    ms: number,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ms);
    const signal = AbortSignal.any([late.signal, this.cut.signal]);
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => aborted.reject(signal.reason));
    try {
      signal.throwIfAborted();
      return await Promise.race([work(signal), aborted.promise]);
    } catch (error) {
      // Then it is neither done nor failed: whoever is next does it again.
      if (this.cut.signal.aborted) throw error;
      const isLate = late.signal.aborted;
      const reason = isLate ? `took more than ${ms} ms` : reasonOf(error);
      throw new StepFailed(reason, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes back the step of that index, and those before it. */
  private async takeBack(
    saga: OpenSaga,
    last: number,
    error: string,
  ): Promise<void> {
    const { id, name } = saga;
    this.logger.warn('saga is taken back', { id, name, cause: error });
    await this.store.move(saga, { ...backTo(last), error });
  }

  private async putOff(saga: OpenSaga, cause: string): Promise<void> {
    const { id, name, state, step, steps, attempts } = saga;
    const told = { id, name, state, step: steps[step], attempts, cause };
    this.logger.warn('saga is put off', told);
    await this.store.putOff(saga, backoffMs(attempts));
  }

  private async purge(): Promise<void> {
    await this.store
      .purge(this.env.SAGA_KEEP_DAYS)
      .catch((error: unknown) =>
        this.logger.warn('old sagas are left', { cause: String(error) }),
      );
  }
}

/** Where a saga is of which this step, and those before, are to be taken back. */
function backTo(step: number): Progress {
  return { state: step < 0 ? 'compensated' : 'compensating', step };
}

/** What another service has answered is no Error, and has a message, too. */
function reasonOf(error: unknown): string {
  const { message } = Object(error);
  return typeof message === 'string' ? message : String(error);
}
