import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ENV, type Env } from '../config/env.js';
import { MessagingClient, type Proxy } from './messaging-client.js';

/** Makes the clients of other services, and closes them in the end. */
@Injectable()
export class MessagingClients
  implements OnApplicationBootstrap, OnApplicationShutdown
{
  private readonly clients: MessagingClient[] = [];

  constructor(@Inject(ENV) private readonly env: Env) {}

  /** A client of the service `name`; it connects at the start, or at a call. */
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

  /** The start waits for none of them: what is away may come later. */
  onApplicationBootstrap(): void {
    for (const client of this.clients)
      void client.connect().catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }
}
