import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LinkStatus } from '../messaging/link-status.js';
import { HealthController } from './health.controller.js';

@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'json' })],
  controllers: [HealthController],
  providers: [LinkStatus],
})
export class HealthModule {}
