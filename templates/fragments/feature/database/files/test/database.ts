import { DataSource } from 'typeorm';
import type { Env } from '../src/config/env.js';
import { migrate } from '../src/database/migrate.js';

/** The URL of a part of the database that this worker has for itself, empty. */
export async function emptyDatabase({ DATABASE_URL }: Env): Promise<string> {
  const schema = `e2e_${process.env['VITEST_POOL_ID']}`;
  const source = new DataSource({ type: 'postgres', url: DATABASE_URL });
  await source.initialize();
  await source.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await source.query(`CREATE SCHEMA ${schema}`);
  await source.destroy();
  const url = new URL(DATABASE_URL);
  url.searchParams.set('options', `-c search_path=${schema}`);
  return url.href;
}

/** The same, with all its tables. */
export async function freshDatabase(env: Env): Promise<string> {
  const url = await emptyDatabase(env);
  await migrate({ ...env, DATABASE_URL: url });
  return url;
}
