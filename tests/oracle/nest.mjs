// What both halves of the oracle share: one major version of Nest, and what a URL means to it.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { options as grpcOptions } from './grpc.mjs';

/** Nest as it lies installed in `folder`, so that one source serves every major version of it. */
export function load(folder) {
  const require = createRequire(resolve(folder, 'package.json'));
  require('reflect-metadata');
  return {
    ...require('@nestjs/common'),
    ...require('@nestjs/core'),
    ...require('@nestjs/microservices'),
    rxjs: require('rxjs'),
    kafkajs: () => require('kafkajs'),
  };
}

let groups = 0;

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
    case 'kafka:':
    case 'kafkas:':
      return {
        transport: Transport.KAFKA,
        options: {
          client: { brokers: [`${hostname}:${port}`], ...extra.client },
          // Groups of its own; what comes while it joins is read, too.
          consumer: { groupId: `oracle-${process.pid}-${groups++}` },
          subscribe: { fromBeginning: true },
        },
      };
    case 'amqp:':
    case 'amqps:': {
      // The queue stands in the URL for us; Nest wants it beside.
      const { searchParams } = new URL(url);
      const options = { urls: [url.replace(/\?.*/, '')], queue: searchParams.get('queue'), ...extra };
      return { transport: Transport.RMQ, options };
    }
    case 'grpc:':
    case 'grpcs:':
      return { transport: Transport.GRPC, options: grpcOptions(url, extra) };
    default:
      throw new Error(`the oracle has no transport for ${url}`);
  }
}

/**
 * Makes the topics of `patterns` and of their replies. By itself kafkajs asks for each to be made, and gives up at
 * once because a broker says that it is not there yet.
 */
export async function makeTopics(nest, url, patterns, extra) {
  const { Kafka, logLevel } = nest.kafkajs();
  const { brokers, ...client } = configuration(nest, url, extra).options.client;
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, ...client }).admin();
  await admin.connect();
  const topics = patterns.flatMap((pattern) => [`${pattern}`, `${pattern}.reply`]);
  // A node that has just made them may not know them yet; kafkajs gives up too soon when it is busy.
  const UNKNOWN_TOPIC = 3;
  const patient = async (ask, left = 50) => {
    try {
      return await ask();
    } catch (error) {
      if (error.code !== UNKNOWN_TOPIC || left === 0) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      return patient(ask, left - 1);
    }
  };
  await patient(() => admin.createTopics({ topics: topics.map((topic) => ({ topic })), waitForLeaders: true }));
  await patient(() => admin.fetchTopicMetadata({ topics }));
  await admin.disconnect();
}

/** One JSON line on stdout. */
export function tell(record) {
  process.stdout.write(JSON.stringify(record) + '\n');
}
