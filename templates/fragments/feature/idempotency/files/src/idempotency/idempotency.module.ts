import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AnswerStore } from './answer.store.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';

@Module({
  providers: [
    AnswerStore,
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
  ],
})
export class IdempotencyModule {}
