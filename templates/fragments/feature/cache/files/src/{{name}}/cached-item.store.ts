import { Injectable } from '@nestjs/common';
import { Keyv } from 'keyv';
import type { Item } from './item.schema.js';
import { ItemStore, MemoryItemStore } from './item.store.js';

/** Reads items through the cache, and forgets there what changes. */
@Injectable()
export class CachedItemStore extends ItemStore {
  constructor(
    private readonly store: MemoryItemStore,
    private readonly cache: Keyv,
  ) {
    super();
  }

  async put(item: Item): Promise<void> {
    await this.store.put(item);
    await this.cache.delete(item.id);
  }

  async find(id: string): Promise<Item | undefined> {
    const cached = await this.cache.get<Item>(id);
    if (cached) return cached;
    const item = await this.store.find(id);
    if (item) await this.cache.set(id, item);
    return item;
  }

  all(): AsyncIterable<Item> {
    return this.store.all();
  }
}
