import { Controller, Get, UseFilters } from '@nestjs/common';
import {
  HealthCheck,
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorFunction,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { LinkStatus } from '../messaging/link-status.js';
import { HealthFilter } from './health.filter.js';

@Controller('health')
@UseFilters(HealthFilter)
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly links: LinkStatus,
  ) {}

  /** Is the process alive? Looks at nothing a restart would not cure. */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** Should it be sent work? */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check(this.linkChecks());
  }

  /** The full report, for people. */
  @Get()
  @HealthCheck()
  report(): Promise<HealthCheckResult> {
    return this.health.check([...this.linkChecks(), () => this.process()]);
  }

  private linkChecks(): HealthIndicatorFunction[] {
    return this.links.all().map(({ name, state }) => () => {
      const check = this.indicators.check(name);
      return state === 'connected' ? check.up() : check.down({ state });
    });
  }

  private process() {
    return this.indicators.check('process').up({
      node: process.version,
      uptimeSeconds: Math.round(process.uptime()),
      residentBytes: process.memoryUsage.rss(),
    });
  }
}
