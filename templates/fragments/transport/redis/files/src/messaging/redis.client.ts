import { ClientRedis } from '@nestjs/microservices';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { redisOptions } from './redis.options.js';

/** A client which sends headers along with every message, as metadata. */
export class RedisClient extends ClientRedis {
  constructor(url: string, headers = outgoingHeaders) {
    super(redisOptions(url));
    this.setOnDispatchHook((packet) => {
      packet.metadata = headers();
    });
  }
}
