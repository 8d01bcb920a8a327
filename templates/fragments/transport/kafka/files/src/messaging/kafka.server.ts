import { ServerKafka } from '@nestjs/microservices';
import { filter } from 'rxjs';

/** Nest says that a group is rebalanced, and never that it has been. */
export class SteadyKafkaServer extends ServerKafka {
  override get status() {
    return super.status.pipe(
      filter((status) => !['rebalancing'].includes(status)),
    );
  }
}
