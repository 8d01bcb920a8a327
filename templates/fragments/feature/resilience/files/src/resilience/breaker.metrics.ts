import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { MessagingClients } from './messaging-clients.js';

/** Shows which services are left alone because they do not answer. */
@Injectable()
export class BreakerMetrics {
  constructor(registry: Registry, clients: MessagingClients) {
    const gauge = new Gauge({
      name: 'client_breaker_open',
      help: '1 while calls to the service are refused, else 0',
      labelNames: ['client'],
      registers: [],
      collect() {
        for (const { name, open } of clients.all())
          this.set({ client: name }, open ? 1 : 0);
      },
    });
    registry.registerMetric(gauge);
  }
}
