import { Injectable } from '@nestjs/common';
import { MoreThan, type Repository } from 'typeorm';
import { Database } from '../database/database.js';
import { ItemRow } from './item.row.js';
import type { Item } from './item.schema.js';
import { ItemStore } from './item.store.js';

/** How many items are read at once. */
const PAGE = 500;

/** Keeps the items in PostgreSQL. */
@Injectable()
export class PostgresItemStore extends ItemStore {
  constructor(private readonly database: Database) {
    super();
  }

  async put({ createdAt, ...item }: Item): Promise<void> {
    const row = { ...item, createdAt: new Date(createdAt) };
    await this.rows.upsert(row, ['id']);
  }

  /** In a transaction nobody else changes what was found until its end. */
  async find(id: string): Promise<Item | undefined> {
    const found = this.rows
      .createQueryBuilder('item')
      .where('item.id = :id', { id });
    if (this.database.inTransaction) found.setLock('pessimistic_write');
    const row = await found.getOne();
    return row ? itemOf(row) : undefined;
  }

  async *all(): AsyncIterable<Item> {
    let last = '0';
    let rows: ItemRow[];
    do {
      rows = await this.rows.find({
        where: { position: MoreThan(last) },
        order: { position: 'ASC' },
        take: PAGE,
      });
      yield* rows.map(itemOf);
      last = rows.at(-1)?.position ?? last;
    } while (rows.length === PAGE);
  }

  private get rows(): Repository<ItemRow> {
    return this.database.manager.getRepository(ItemRow);
  }
}

function itemOf({ id, name, createdAt }: ItemRow): Item {
  return { id, name, createdAt: createdAt.toISOString() };
}
