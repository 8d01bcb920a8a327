import { Module } from '@nestjs/common';
import { HealthModule } from '../health/health.module.js';
import { CalledServices } from './called-services.js';

@Module({ imports: [HealthModule], providers: [CalledServices] })
export class DiscoveryModule {}
