import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

type Work<T> = () => Promise<T>;

interface Transaction {
  manager: EntityManager;
  afterCommit: Work<unknown>[];
}

@Injectable()
export class Database {
  private readonly current = new AsyncLocalStorage<Transaction>();

  constructor(private readonly source: DataSource) {}

  /** Reads and writes: in a transaction, as a part of it. */
  get manager(): EntityManager {
    return this.current.getStore()?.manager ?? this.source.manager;
  }

  get inTransaction(): boolean {
    return this.current.getStore() !== undefined;
  }

  /**
   * Makes all that `work` changes by `manager` one: it is kept as a whole, or,
   * when `work` fails, not at all. In a transaction it is a part of that.
   */
  async transaction<T>(work: Work<T>): Promise<T> {
    if (this.inTransaction) return work();
    const afterCommit: Work<unknown>[] = [];
    const result = await this.source.transaction((manager) =>
      this.current.run({ manager, afterCommit }, work),
    );
    for (const run of afterCommit) await run();
    return result;
  }

  /** Does this once others can see what was changed; at once, if they can. */
  async afterCommit(run: Work<unknown>): Promise<void> {
    const transaction = this.current.getStore();
    if (transaction) transaction.afterCommit.push(run);
    else await run();
  }
}
