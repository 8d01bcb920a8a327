import { Injectable } from '@nestjs/common';
import type { Item } from './item.schema.js';

/** Where the items are kept. A database takes this place by its own subclass. */
export abstract class ItemStore {
  abstract put(item: Item): Promise<void>;
  abstract find(id: string): Promise<Item | undefined>;
  abstract all(): AsyncIterable<Item>;
}

/** Keeps the items as long as the process lives. */
@Injectable()
export class MemoryItemStore extends ItemStore {
  private readonly items = new Map<string, Item>();

  async put(item: Item): Promise<void> {
    this.items.set(item.id, item);
  }

  async find(id: string): Promise<Item | undefined> {
    return this.items.get(id);
  }

  async *all(): AsyncIterable<Item> {
    yield* this.items.values();
  }
}
