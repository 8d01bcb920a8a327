import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import { correlationId } from '../context/request-context.js';
import { Database } from '../database/database.js';

/** The events which are to be sent. */
@Injectable()
export class Outbox {
  /** Tells that there are more than before. */
  readonly filled = new Subject<void>();

  constructor(private readonly database: Database) {}

  /**
   * Stores an event along with the change it tells of, in one transaction.
   * Events of the same key are sent in the order in which they were stored.
   */
  async add(pattern: string, key: string, data: unknown): Promise<void> {
    if (!this.database.inTransaction)
      throw new Error(`the event ${pattern} is stored outside a transaction`);
    const { manager } = this.database;
    // Another transaction which stores an event of this key waits for the end
    // of this one: so the order of ids is that of commits.
    await manager.query(
      'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      [`outbox ${key}`],
    );
    await manager.query(
      `INSERT INTO outbox (pattern, key, data, correlation_id)
       VALUES ($1, $2, $3, $4)`,
      [pattern, key, JSON.stringify(data), correlationId()],
    );
    await this.database.afterCommit(async () => this.filled.next());
  }
}
