import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateSagas1763700000040 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sagas (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        steps text[] NOT NULL,
        data text NOT NULL,
        state text NOT NULL DEFAULT 'running',
        step int NOT NULL DEFAULT 0,
        begun int NOT NULL DEFAULT -1,
        attempts int NOT NULL DEFAULT 0,
        error text,
        correlation_id text,
        deadline timestamptz NOT NULL,
        next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ended_at timestamptz
      )
    `);
    await runner.query(`
      CREATE INDEX sagas_to_go_on ON sagas (next_at) WHERE ended_at IS NULL
    `);
    await runner.query(`
      CREATE INDEX sagas_ended ON sagas (ended_at) WHERE ended_at IS NOT NULL
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE sagas');
  }
}
