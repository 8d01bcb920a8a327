import { randomUUID } from 'node:crypto';
import { Injectable, NotFoundException } from '@nestjs/common';
import { Subject } from 'rxjs';
import { Database } from '../database/database.js';
import type { Saga, SagaStep } from './saga.js';
import type { SagaStatus } from './saga.schema.js';
import { SagaStore } from './saga.store.js';

/** Knows the sagas, starts them, and tells how far each is. */
@Injectable()
export class Sagas {
  /** Tells that there are more than before. */
  readonly started = new Subject<void>();
  private readonly known = new Map<string, Saga<object>>();

  constructor(
    private readonly store: SagaStore,
    private readonly database: Database,
  ) {}

  /** Makes a saga known: at the start of every replica, before it takes work. */
  add<Data extends object>(saga: Saga<Data>): void {
    const names = new Set(saga.steps.map(({ name }) => name));
    if (names.size === 0) throw new Error(`the saga ${saga.name} has no steps`);
    if (names.size < saga.steps.length)
      throw new Error(`the saga ${saga.name} has two steps of one name`);
    if (this.known.has(saga.name))
      throw new Error(`there are two sagas ${saga.name}`);
    this.known.set(saga.name, saga);
  }

  names(): string[] {
    return [...this.known.keys()];
  }

  step(saga: string, name: string): SagaStep<object> | undefined {
    return this.known.get(saga)?.steps.find((step) => step.name === name);
  }

  /** Starts a saga, in a transaction with its commit, and gives its id. */
  async start(name: string, data: object): Promise<string> {
    const saga = this.known.get(name);
    if (!saga) throw new Error(`there is no saga ${name}`);
    const id = randomUUID();
    await this.store.insert(id, saga, data);
    await this.database.afterCommit(async () => this.started.next());
    return id;
  }

  async status(id: string): Promise<SagaStatus> {
    const status = await this.store.status(id);
    if (!status) throw new NotFoundException(`there is no saga ${id}`);
    return status;
  }
}
