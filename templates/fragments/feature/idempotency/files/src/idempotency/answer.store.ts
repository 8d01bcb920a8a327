import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleInit,
  UnprocessableEntityException,
} from '@nestjs/common';
import { ENV, type Env } from '../config/env.js';
import { Database } from '../database/database.js';

export interface Message {
  key: string;
  /** Tells one payload from another. */
  payload: string;
}

interface Answer {
  payload: string;
  replies: string;
}

/** How often keys that are too old are taken away. */
const PURGE_MS = 3_600_000;

/** Keeps what was first answered to each key, along with what it changed. */
@Injectable()
export class AnswerStore implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(AnswerStore.name);
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly database: Database,
    @Inject(ENV) private readonly env: Env,
  ) {}

  onModuleInit(): void {
    const purge = () =>
      this.purge().catch((error: unknown) =>
        this.logger.warn('old keys are left', { cause: String(error) }),
      );
    this.timer = setInterval(purge, PURGE_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Handles the first message with a key; gives others the replies to it. */
  once(
    { key, payload }: Message,
    handle: () => Promise<unknown[]>,
  ): Promise<unknown[]> {
    return this.database.transaction(async () => {
      // Whoever is second waits here for the end of the first.
      const first: unknown[] = await this.database.manager.query(
        `INSERT INTO idempotency_keys AS kept (key, payload) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE
         SET payload = $2, replies = '[]', created_at = now()
         WHERE kept.created_at < now() - make_interval(secs => $3)
         RETURNING key`,
        [key, payload, this.env.IDEMPOTENCY_TTL_MS / 1000],
      );
      if (first.length === 0) return this.answered({ key, payload });
      const replies = await handle();
      // In objects, so that a reply of nothing stays one.
      const text = JSON.stringify(replies.map((value) => ({ value })));
      await this.database.manager.query(
        'UPDATE idempotency_keys SET replies = $2 WHERE key = $1',
        [key, text],
      );
      return replies;
    });
  }

  /** Takes away the keys that are too old. */
  async purge(): Promise<void> {
    await this.database.manager.query(
      `DELETE FROM idempotency_keys
       WHERE created_at < now() - make_interval(secs => $1)`,
      [this.env.IDEMPOTENCY_TTL_MS / 1000],
    );
  }

  private async answered({ key, payload }: Message): Promise<unknown[]> {
    const [answer]: Answer[] = await this.database.manager.query(
      'SELECT payload, replies FROM idempotency_keys WHERE key = $1',
      [key],
    );
    if (answer?.payload !== payload)
      throw new UnprocessableEntityException(
        'the idempotency key was given to another payload before',
      );
    const replies: { value?: unknown }[] = JSON.parse(answer.replies);
    return replies.map(({ value }) => value);
  }
}
