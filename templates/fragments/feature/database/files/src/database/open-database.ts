import { DataSource, type DataSourceOptions, MigrationExecutor } from 'typeorm';
import { CannotStart } from '../errors/cannot-start.js';

/** Connects to the database, or says in a sentence why it cannot. */
export async function connect(options: DataSourceOptions): Promise<DataSource> {
  try {
    return await new DataSource(options).initialize();
  } catch (error) {
    throw new CannotStart(
      `the database at DATABASE_URL cannot be used: ${causeOf(error)}`,
    );
  }
}

/** The same for the service, which never changes a table by itself. */
export async function openDatabase(
  options: DataSourceOptions,
): Promise<DataSource> {
  const source = await connect(options);
  const pending = await new MigrationExecutor(source).getPendingMigrations();
  if (pending.length === 0) return source;
  await source.destroy();
  const names = pending.map(({ name }) => name).join(', ');
  throw new CannotStart(
    `the database lacks ${names}: run \`npm run migrate\` first`,
  );
}

/** What several addresses of one name said is in a list, and the rest empty. */
export function causeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
