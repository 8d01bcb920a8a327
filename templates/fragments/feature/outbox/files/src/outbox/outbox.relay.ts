import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ENV, type Env } from '../config/env.js';
import {
  acceptCorrelationId,
  runWithCorrelationId,
} from '../context/request-context.js';
import { Database } from '../database/database.js';
import { Events } from '../messaging/events.js';
import { Outbox } from './outbox.js';

interface Waiting {
  id: string;
  pattern: string;
  key: string;
  data: string;
  correlationId: string | null;
  attempts: number;
}

/** What became of some events of one key. */
interface Outcome {
  sent: string[];
  failed?: Waiting;
}

/** The lock of the relay at work: any number that nothing else locks. */
const LOCK = 1_763_700_020;
/** How many events are sent in one go. */
const BATCH = 100;
/** The pauses before an event is tried again: from the first to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

/** Sends what is in the outbox. */
@Injectable()
export class OutboxRelay
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly logger = new Logger(OutboxRelay.name);
  private readonly end = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly outbox: Outbox,
    private readonly events: Events,
    private readonly database: Database,
    @Inject(ENV) private readonly env: Env,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.end.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let more = Promise.withResolvers<void>();
    const filled = this.outbox.filled.subscribe(() => more.resolve());
    while (!this.end.signal.aborted) {
      more = Promise.withResolvers();
      const sent = await this.relay().catch((error: unknown) => {
        this.logger.error('the outbox cannot be read', {
          cause: String(error),
        });
        return 0;
      });
      if (sent === 0) await Promise.race([more.promise, this.pause()]);
    }
    filled.unsubscribe();
  }

  private pause(): Promise<void> {
    const { signal } = this.end;
    return sleep(this.env.OUTBOX_POLL_MS, undefined, { signal }).catch(
      () => undefined,
    );
  }

  /** Sends what waits, and gives how many events that were. */
  private relay(): Promise<number> {
    return this.database.transaction(async () => {
      const { manager } = this.database;
      // A broker that does not answer may take its time.
      await manager.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      // One relay at a time, of all replicas: two would overtake each other.
      const [lock]: { ours: boolean }[] = await manager.query(
        'SELECT pg_try_advisory_xact_lock($1) AS ours',
        [LOCK],
      );
      if (!lock?.ours) return 0;
      const keys = Map.groupBy(await this.waiting(), ({ key }) => key);
      const outcomes = await Promise.all(
        [...keys.values()].map((waiting) => this.send(waiting)),
      );
      const sent = outcomes.flatMap((outcome) => outcome.sent);
      await manager.query('DELETE FROM outbox WHERE id = ANY($1)', [sent]);
      for (const { failed } of outcomes) if (failed) await this.putOff(failed);
      return sent.length;
    });
  }

  /** The oldest events, but for those behind one which is put off. */
  private waiting(): Promise<Waiting[]> {
    return this.database.manager.query(
      `SELECT id, pattern, key, data, correlation_id AS "correlationId", attempts
       FROM outbox
       WHERE NOT EXISTS (
         SELECT FROM outbox AS earlier
         WHERE earlier.key = outbox.key AND earlier.id <= outbox.id
           AND earlier.next_at > clock_timestamp()
       )
       ORDER BY id LIMIT $1`,
      [BATCH],
    );
  }

  /** Sends events of one key one by one, up to the first that fails. */
  private async send(waiting: Waiting[]): Promise<Outcome> {
    const sent: string[] = [];
    for (const event of waiting) {
      const { id, pattern, key, attempts, correlationId } = event;
      const emit = () => this.events.send(pattern, JSON.parse(event.data));
      try {
        await runWithCorrelationId(acceptCorrelationId(correlationId), emit);
      } catch (error) {
        const cause = String(error);
        this.logger.warn('event not sent', { pattern, key, attempts, cause });
        return { sent, failed: event };
      }
      sent.push(id);
    }
    return { sent };
  }

  private async putOff({ id, attempts }: Waiting): Promise<void> {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempts, LONGEST_PAUSE_MS);
    const jittered = pause * (0.5 + Math.random() / 2);
    await this.database.manager.query(
      `UPDATE outbox SET attempts = attempts + 1,
         next_at = clock_timestamp() + make_interval(secs => $2)
       WHERE id = $1`,
      [id, jittered / 1000],
    );
  }
}
