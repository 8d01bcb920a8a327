import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '../database/database.js';
import { EventStore } from '../event-store/event-store.js';
import type { Projection } from '../event-store/projection.js';
import type { StoredEvent } from '../event-store/stored-event.js';
import { itemSchema, updateItemSchema } from './item.schema.js';
import { ItemStore } from './item.store.js';

/** Makes the items of what happened to them. */
@Injectable()
export class ItemProjection implements Projection, OnModuleInit {
  readonly name = 'items';

  constructor(
    private readonly store: ItemStore,
    private readonly database: Database,
    private readonly eventStore: EventStore,
  ) {}

  onModuleInit(): void {
    this.eventStore.projections.push(this);
  }

  async reset(): Promise<void> {
    await this.database.manager.query('DELETE FROM items');
  }

  async apply({ type, data }: StoredEvent): Promise<void> {
    if (type === 'item.created') await this.store.put(itemSchema.parse(data));
    if (type === 'item.renamed') {
      const { id, name } = updateItemSchema.parse(data);
      const item = await this.store.find(id);
      if (item) await this.store.put({ ...item, name });
    }
  }
}
