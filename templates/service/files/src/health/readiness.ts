import { Injectable } from '@nestjs/common';
import type { HealthIndicatorFunction } from '@nestjs/terminus';

/** What must be well, beside the transports, before the service takes work. */
@Injectable()
export class Readiness {
  readonly checks: HealthIndicatorFunction[] = [];
}
