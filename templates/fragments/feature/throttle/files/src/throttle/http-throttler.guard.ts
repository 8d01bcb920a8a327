import type { IncomingMessage } from 'node:http';
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import { ENV, type Env } from '../config/env.js';
import { addressOf } from './address.js';

/** Counts HTTP requests by their address; a message has none to be counted by. */
@Injectable()
export class HttpThrottlerGuard extends ThrottlerGuard {
  @Inject(ENV)
  private readonly env!: Env;

  protected override async shouldSkip(
    context: ExecutionContext,
  ): Promise<boolean> {
    return context.getType() !== 'http' || (await super.shouldSkip(context));
  }

  protected override async getTracker(
    request: IncomingMessage,
  ): Promise<string> {
    return addressOf(request, this.env.TRUSTED_PROXIES);
  }
}
