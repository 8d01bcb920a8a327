import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateEvents1763700000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE events (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream text NOT NULL,
        version int NOT NULL,
        id uuid NOT NULL UNIQUE,
        type text NOT NULL,
        occurred_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        correlation_id text,
        causation_id text,
        data text NOT NULL,
        UNIQUE (stream, version)
      )
    `);
    await runner.query(`
      CREATE TABLE projections (
        name text PRIMARY KEY,
        position bigint NOT NULL
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projections');
    await runner.query('DROP TABLE events');
  }
}
