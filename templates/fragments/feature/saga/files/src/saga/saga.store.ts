import { Injectable } from '@nestjs/common';
import { correlationId } from '../context/request-context.js';
import { Database } from '../database/database.js';
import type { Saga } from './saga.js';
import type { SagaState, SagaStatus } from './saga.schema.js';

/** A saga that goes on, as it was when it was taken. */
export interface OpenSaga {
  id: string;
  name: string;
  steps: string[];
  data: object;
  state: 'running' | 'compensating';
  /** The index of the step which is next, to be done or to be taken back. */
  step: number;
  /** The index of the last step that was begun. */
  begun: number;
  /** How often that which is next was begun; never less than 1. */
  attempts: number;
  correlationId: string | null;
  /** What is left until the deadline. */
  leftMs: number;
}

/** How far a saga has come. */
export interface Progress {
  state: SagaState;
  step: number;
  data?: object;
  error?: string;
}

/** A timer, here or in PostgreSQL, goes no further. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Whoever has claimed a saga holds it within that time, or it is lost again. */
const CLAIM_SECONDS = 1;

/** As claimed: who comes later with what he has done of it is too late. */
const UNCHANGED = 'id = $1 AND state = $2 AND step = $3 AND attempts = $4';

function claimOf({ id, state, step, attempts }: OpenSaga): unknown[] {
  return [id, state, step, attempts];
}

/** The sagas as PostgreSQL has them. */
@Injectable()
export class SagaStore {
  constructor(private readonly database: Database) {}

  async insert(id: string, saga: Saga<object>, data: object): Promise<void> {
    const steps = saga.steps.map(({ name }) => name);
    await this.query(
      `INSERT INTO sagas (id, name, steps, data, correlation_id, deadline)
       VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))`,
      [
        id,
        saga.name,
        steps,
        JSON.stringify(data),
        correlationId(),
        saga.timeoutMs / 1000,
      ],
    );
  }

  async status(id: string): Promise<SagaStatus | undefined> {
    const [row] = await this.query(
      `SELECT id, name, state, error,
         CASE WHEN ended_at IS NULL THEN steps[step + 1] END AS step
       FROM sagas WHERE id = $1`,
      [id],
    );
    if (!row) return undefined;
    const { name, state, step, error } = row;
    return { id, name, state, ...(step && { step }), ...(error && { error }) };
  }

  /**
   * Takes the saga that has waited longest. That its next step begins is stored
   * by this, before it does; not so if its time is up.
   */
  async claim(names: string[]): Promise<OpenSaga | undefined> {
    const [[row]] = await this.query(
      `UPDATE sagas SET
         attempts = attempts + 1,
         begun = CASE
           WHEN state = 'running' AND deadline > now() THEN step ELSE begun
         END,
         next_at = now() + make_interval(secs => $2)
       WHERE id = (
         SELECT id FROM sagas
         WHERE ended_at IS NULL AND next_at <= now() AND name = ANY($1)
         ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
       )
       RETURNING id, name, steps, data, state, step, begun, attempts,
         correlation_id AS "correlationId",
         (extract(epoch FROM deadline - now()) * 1000)::float8 AS "leftMs"`,
      [names, CLAIM_SECONDS],
    );
    return row && { ...row, data: JSON.parse(row.data) };
  }

  /**
   * Keeps all others from this saga until the end of the transaction; tells
   * whether none of them had it before. If this replica vanishes, PostgreSQL
   * waits for it no longer than that.
   */
  async hold(saga: OpenSaga, longestMs: number): Promise<boolean> {
    const rows = await this.query(
      `SELECT set_config('idle_in_transaction_session_timeout', $5, true)
       FROM sagas WHERE ${UNCHANGED} FOR UPDATE SKIP LOCKED`,
      [...claimOf(saga), String(Math.min(longestMs, LONGEST_TIMER_MS))],
    );
    return rows.length > 0;
  }

  /** Stores how far it has come, unless someone else has taken it further. */
  async move(saga: OpenSaga, to: Progress): Promise<void> {
    await this.query(
      `UPDATE sagas SET state = $5, step = $6, attempts = 0,
         data = coalesce($7, data), error = coalesce($8, error),
         next_at = clock_timestamp(),
         ended_at = CASE
           WHEN $5 IN ('done', 'compensated') THEN clock_timestamp()
         END
       WHERE ${UNCHANGED}`,
      [
        ...claimOf(saga),
        to.state,
        to.step,
        to.data && JSON.stringify(to.data),
        to.error,
      ],
    );
  }

  async putOff(saga: OpenSaga, pauseMs: number): Promise<void> {
    await this.query(
      `UPDATE sagas SET next_at = clock_timestamp() + make_interval(secs => $5)
       WHERE ${UNCHANGED}`,
      [...claimOf(saga), pauseMs / 1000],
    );
  }

  /** The names of sagas which have not ended, other than these. */
  async othersThan(names: string[]): Promise<string[]> {
    const rows: { name: string }[] = await this.query(
      `SELECT DISTINCT name FROM sagas
       WHERE ended_at IS NULL AND name <> ALL($1)`,
      [names],
    );
    return rows.map(({ name }) => name);
  }

  /** Takes away those that ended so many days ago. */
  async purge(days: number): Promise<void> {
    await this.query(
      'DELETE FROM sagas WHERE ended_at < now() - make_interval(days => $1)',
      [days],
    );
  }

  private query(sql: string, parameters: unknown[]) {
    return this.database.manager.query(sql, parameters);
  }
}
