import type { RmqOptions } from '@nestjs/microservices';

/**
 * How to reach RabbitMQ: by the topic exchange `exchange`, unless the URL `at`
 * names another (`?exchange=`), or the queue of one service (`?queue=`).
 */
export function rmqOptions(
  at: string,
  exchange: string,
): NonNullable<RmqOptions['options']> {
  const url = new URL(at);
  const named = Object.fromEntries(url.searchParams);
  for (const key of ['exchange', 'queue']) url.searchParams.delete(key);
  const urls = [url.href];
  // The queue belongs to that service, which alone knows how to declare it.
  if (named['queue']) return { urls, queue: named['queue'], noAssert: true };
  return {
    urls,
    // A topic exchange: an event reaches every queue that is bound to it.
    exchange: named['exchange'] ?? exchange,
    exchangeType: 'topic',
    wildcards: true,
  };
}
