import { Global, Module } from '@nestjs/common';
import { ServiceTokens } from './service-tokens.js';

@Global()
@Module({ providers: [ServiceTokens], exports: [ServiceTokens] })
export class ServiceAuthModule {}
