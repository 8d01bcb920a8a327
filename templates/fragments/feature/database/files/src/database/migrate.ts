import { MigrationExecutor } from 'typeorm';
import type { Env } from '../config/env.js';
import { CannotStart } from '../errors/cannot-start.js';
import { databaseOptions } from './database.options.js';
import { migrations } from './migrations.js';
import { causeOf, connect } from './open-database.js';

/** The lock of those who migrate: any number that nothing else locks. */
const LOCK = 1_763_700_000;

/**
 * Brings the database up to date, as a whole or not at all, and gives the names
 * of what it has run. While another does so, it waits.
 */
export async function migrate(
  env: Env,
  wanted = migrations,
): Promise<string[]> {
  const source = await connect({
    ...databaseOptions(env),
    migrations: wanted,
    // A change of large tables takes its time.
    extra: {},
  });
  const runner = source.createQueryRunner();
  const executor = new MigrationExecutor(source, runner);
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const pending = await executor.getPendingMigrations();
    for (const migration of pending) {
      await executor.executeMigration(migration).catch((error: unknown) => {
        throw new CannotStart(
          `the migration ${migration.name} failed, and nothing was changed: ${causeOf(error)}`,
        );
      });
    }
    await runner.commitTransaction();
    return pending.map(({ name }) => name);
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    await runner.release();
    await source.destroy();
  }
}
