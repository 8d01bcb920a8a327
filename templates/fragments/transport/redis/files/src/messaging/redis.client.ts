import { ClientRedis, type RedisOptions } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';

/** A client which sends headers along with every message, as metadata. */
export class RedisClient extends ClientRedis {
  constructor(
    options: NonNullable<RedisOptions['options']>,
    headers = outgoingHeaders,
  ) {
    super(options);
    this.setOnDispatchHook((packet) => {
      packet.metadata = headers();
    });
  }
}
