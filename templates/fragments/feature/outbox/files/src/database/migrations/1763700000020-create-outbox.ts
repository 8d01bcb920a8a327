import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateOutbox1763700000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pattern text NOT NULL,
        key text NOT NULL,
        data text NOT NULL,
        correlation_id text,
        attempts int NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now()
      )
    `);
    await runner.query('CREATE INDEX outbox_by_key ON outbox (key, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE outbox');
  }
}
