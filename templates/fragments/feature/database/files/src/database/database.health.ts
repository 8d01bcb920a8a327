import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { Readiness } from '../health/readiness.js';

/** How long the database has to answer; who asks waits a little longer. */
const PATIENCE_MS = 2000;

/** Without its database the service takes no work. */
@Injectable()
export class DatabaseHealth implements OnModuleInit {
  constructor(
    private readonly readiness: Readiness,
    private readonly indicators: HealthIndicatorService,
    private readonly source: DataSource,
  ) {}

  onModuleInit(): void {
    this.readiness.checks.push(() =>
      this.indicators
        .check('database')
        .attempt(() => this.source.query('SELECT 1'))
        .withTimeout(PATIENCE_MS),
    );
  }
}
