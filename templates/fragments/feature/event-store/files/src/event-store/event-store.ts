import { randomUUID } from 'node:crypto';
import { ConflictException, Injectable } from '@nestjs/common';
import { correlationId } from '../context/request-context.js';
import { Database } from '../database/database.js';
import type { Projection } from './projection.js';
import type { NewEvent, Recorded, StoredEvent } from './stored-event.js';
import { upcast } from './upcasters.js';

interface Row extends Omit<StoredEvent, 'occurredAt' | 'data'> {
  position: string;
  stream: string;
  occurredAt: Date;
  data: string;
}

/** The lock of those who append: any number that nothing else locks. */
const LOCK = 1_763_700_030;
/** How many events are read at once. */
const PAGE = 500;

const COLUMNS = `position, stream, id, type, version,
  occurred_at AS "occurredAt", correlation_id AS "correlationId",
  causation_id AS "causationId", data`;

/** Keeps what happened, in streams, and what is made of it up to date. */
@Injectable()
export class EventStore {
  /** What is made of events: whoever makes something adds it at the start. */
  readonly projections: Projection[] = [];

  constructor(private readonly database: Database) {}

  /**
   * Stores what happened after the version which the writer has seen: 0 of a
   * stream that is not there yet. Who has seen an older one is refused.
   */
  append(stream: string, expected: number, events: NewEvent[]): Promise<void> {
    return this.database.transaction(async () => {
      const version = await this.version(stream);
      if (version !== expected)
        throw new ConflictException(
          `${stream} is at version ${version}, not at ${expected}`,
        );
      for (const [index, event] of events.entries())
        await this.insert(stream, expected + index + 1, event);
      for (const projection of this.projections) await this.project(projection);
    });
  }

  /**
   * The version of a stream: that of its last event. In a transaction nobody
   * else appends from then until its end.
   */
  async version(stream: string): Promise<number> {
    if (this.database.inTransaction) await this.lock();
    const [row]: { version: number }[] = await this.database.manager.query(
      'SELECT coalesce(max(version), 0) AS version FROM events WHERE stream = $1',
      [stream],
    );
    return row?.version ?? 0;
  }

  /** The events of a stream after a version, each in its newest form. */
  async *read(stream: string, after = 0): AsyncIterable<StoredEvent> {
    let rows: Row[];
    do {
      rows = await this.database.manager.query(
        `SELECT ${COLUMNS} FROM events
         WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3`,
        [stream, after, PAGE],
      );
      yield* rows.map((row) => recordedOf(row).event);
      after = rows.at(-1)?.version ?? after;
    } while (rows.length === PAGE);
  }

  /** All events after a position, in the order in which they were stored. */
  async *readAll(after = 0): AsyncIterable<Recorded> {
    let rows: Row[];
    do {
      rows = await this.database.manager.query(
        `SELECT ${COLUMNS} FROM events
         WHERE position > $1 ORDER BY position LIMIT $2`,
        [after, PAGE],
      );
      yield* rows.map(recordedOf);
      after = Number(rows.at(-1)?.position ?? after);
    } while (rows.length === PAGE);
  }

  /**
   * Makes every projection again, as a whole or not at all: from nothing, or
   * by the events after a position. Gives the events that each of them took.
   */
  replay(from = 0): Promise<Record<string, number>> {
    return this.database.transaction(async () => {
      await this.lock();
      const taken: Record<string, number> = {};
      for (const projection of this.projections) {
        if (from === 0) await projection.reset();
        await this.remember(projection, from);
        taken[projection.name] = await this.project(projection);
      }
      return taken;
    });
  }

  /** Until the end of the transaction: so positions come in order. */
  private async lock(): Promise<void> {
    const { manager } = this.database;
    await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  }

  private async insert(
    stream: string,
    version: number,
    { type, data, causationId }: NewEvent,
  ): Promise<void> {
    await this.database.manager.query(
      `INSERT INTO events
         (stream, version, id, type, correlation_id, causation_id, data)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        stream,
        version,
        randomUUID(),
        type,
        correlationId(),
        causationId,
        JSON.stringify(data),
      ],
    );
  }

  /** Gives a projection what it has not taken yet. */
  private async project(projection: Projection): Promise<number> {
    const [row]: { position: string }[] = await this.database.manager.query(
      'SELECT position FROM projections WHERE name = $1',
      [projection.name],
    );
    let last = Number(row?.position ?? 0);
    let taken = 0;
    for await (const { position, event } of this.readAll(last)) {
      await projection.apply(event);
      last = position;
      taken++;
    }
    if (taken > 0) await this.remember(projection, last);
    return taken;
  }

  private async remember({ name }: Projection, position: number) {
    await this.database.manager.query(
      `INSERT INTO projections (name, position) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET position = $2`,
      [name, position],
    );
  }
}

function recordedOf(row: Row): Recorded {
  const event = upcast({
    id: row.id,
    type: row.type,
    version: row.version,
    occurredAt: row.occurredAt.toISOString(),
    correlationId: row.correlationId,
    causationId: row.causationId,
    data: JSON.parse(row.data),
  });
  return { position: Number(row.position), stream: row.stream, event };
}
