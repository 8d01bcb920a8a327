import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ENV, type Env } from '../config/env.js';
import { MessagingClient, type Proxy } from './messaging-client.js';

/** Makes the clients of other services, and closes them in the end. */
@Injectable()
export class MessagingClients implements OnApplicationShutdown {
  private readonly clients: MessagingClient[] = [];

  constructor(@Inject(ENV) private readonly env: Env) {}

  /** A client of the service `name`; it connects at its first call. */
  create(name: string, proxy: Proxy): MessagingClient {
    const client = new MessagingClient(name, proxy, {
      timeoutMs: this.env.CALL_TIMEOUT_MS,
      retries: this.env.CALL_RETRIES,
      resetMs: this.env.BREAKER_RESET_MS,
    });
    this.clients.push(client);
    return client;
  }

  all(): readonly MessagingClient[] {
    return this.clients;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
