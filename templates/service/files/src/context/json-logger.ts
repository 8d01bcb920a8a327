import { ConsoleLogger } from '@nestjs/common';
import type { Env } from '../config/env.js';
import { correlationId } from './request-context.js';

/** One JSON object per line, or readable text when a person is watching. */
export class JsonLogger extends ConsoleLogger {
  constructor(level: Env['LOG_LEVEL']) {
    super({
      json: !process.stdout.isTTY,
      flattenParams: true,
      logLevels: [level === 'info' ? 'log' : level],
      redact: ['authorization', 'password', 'secret', 'token'],
    });
  }

  protected override stringifyJsonLogObject(
    record: Record<string, unknown>,
  ): string {
    const level = record['level'] === 'log' ? 'info' : record['level'];
    return super.stringifyJsonLogObject({
      ...record,
      level,
      correlationId: correlationId(),
    });
  }
}
