import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An item as the database has it. */
@Entity('items')
export class ItemRow {
  @PrimaryColumn('text')
  id!: string;

  @Column('text')
  name!: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** Given by the database: the order of creation. */
  @Column({ type: 'bigint', insert: false, update: false })
  position!: string;
}
