import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { ENV, type Env } from '../config/env.js';
import { HealthModule } from '../health/health.module.js';
import { Database } from './database.js';
import { DatabaseHealth } from './database.health.js';
import { databaseOptions } from './database.options.js';
import { openDatabase } from './open-database.js';

@Global()
@Module({
  imports: [
    HealthModule,
    TypeOrmModule.forRootAsync({
      inject: [ENV],
      // Whoever started the service starts it again: that says more than silence.
      useFactory: (env: Env) => ({
        ...databaseOptions(env),
        toRetry: () => false,
      }),
      dataSourceFactory: (options) =>
        openDatabase(options as DataSourceOptions),
    }),
  ],
  providers: [Database, DatabaseHealth],
  exports: [Database],
})
export class DatabaseModule {}
