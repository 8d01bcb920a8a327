import { Global, Module } from '@nestjs/common';
import { Events } from '../messaging/events.js';
import { Outbox } from './outbox.js';
import { OutboxRelay } from './outbox.relay.js';

@Global()
@Module({ providers: [Events, Outbox, OutboxRelay], exports: [Outbox] })
export class OutboxModule {}
