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
import { BackgroundWork, backoffMs } from '../database/background-work.js';
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

/** Sends what is in the outbox. */
@Injectable()
export class OutboxRelay
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly logger = new Logger(OutboxRelay.name);
  private work?: BackgroundWork;

  constructor(
    private readonly outbox: Outbox,
    private readonly events: Events,
    private readonly database: Database,
    @Inject(ENV) private readonly env: Env,
  ) {}

  onApplicationBootstrap(): void {
    const work = new BackgroundWork(
      () => this.relay(),
      this.env.OUTBOX_POLL_MS,
    );
    this.outbox.filled.subscribe(() => work.wake());
    this.work = work;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.work?.stop();
  }

  /** Sends what waits; tells whether any of it was sent. */
  private async relay(): Promise<boolean> {
    try {
      return (await this.send()) > 0;
    } catch (error) {
      this.logger.error('the outbox cannot be read', { cause: String(error) });
      return false;
    }
  }

  /** Sends what waits, and gives how many events that were. */
  private send(): Promise<number> {
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
        [...keys.values()].map((waiting) => this.sendInOrder(waiting)),
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
  private async sendInOrder(waiting: Waiting[]): Promise<Outcome> {
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
    await this.database.manager.query(
      `UPDATE outbox SET attempts = attempts + 1,
         next_at = clock_timestamp() + make_interval(secs => $2)
       WHERE id = $1`,
      [id, backoffMs(attempts + 1) / 1000],
    );
  }
}
