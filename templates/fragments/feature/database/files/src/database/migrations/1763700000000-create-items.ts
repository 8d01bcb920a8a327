import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateItems1763700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE items (
        id text PRIMARY KEY,
        name text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY UNIQUE
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE items');
  }
}
