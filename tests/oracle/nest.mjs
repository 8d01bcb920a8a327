// What both halves of the oracle share: one major version of Nest, and what a URL means to it.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

/** Nest as it lies installed in `folder`, so that one source serves every major version of it. */
export function load(folder) {
  const require = createRequire(resolve(folder, 'package.json'));
  require('reflect-metadata');
  return {
    ...require('@nestjs/common'),
    ...require('@nestjs/core'),
    ...require('@nestjs/microservices'),
    rxjs: require('rxjs'),
  };
}

/** Nest's `{ transport, options }` for a URL. Another transport is another case. */
export function configuration({ Transport }, url, extra) {
  const { protocol, hostname, port } = new URL(url);
  switch (protocol) {
    case 'tcp:':
    case 'tcps:':
      return { transport: Transport.TCP, options: { host: hostname, port: Number(port), ...extra } };
    case 'redis:':
    case 'rediss:':
      return { transport: Transport.REDIS, options: { host: hostname, port: Number(port), ...extra } };
    case 'nats:':
      return { transport: Transport.NATS, options: { servers: [url], ...extra } };
    case 'mqtt:':
    case 'mqtts:':
      return { transport: Transport.MQTT, options: { url, ...extra } };
    default:
      throw new Error(`the oracle has no transport for ${url}`);
  }
}

/** One JSON line on stdout. */
export function tell(record) {
  process.stdout.write(JSON.stringify(record) + '\n');
}
