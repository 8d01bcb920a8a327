// Nest's own client: node client.mjs NEST_FOLDER
//
// Says {"ready":true}, then takes commands on standard input, one JSON line each, and runs them all at once:
//   {"id":1,"url":"tcp://127.0.0.1:4000","verb":"send"|"emit","pattern":…,"data":…}
// and, where wanted, "metadata":{…}, "timeout":milliseconds, "options":{…} for the transport. Answers with what
// ClientProxy resolved:
//   {"id":1,"values":[…],"complete":true}          `undefined` among the values is {"undefined":true}
//   {"id":1,"values":[…],"error":…}                the service's error, as it came
//   {"id":1,"values":[…],"failure":{…}}            an error of this side: code and message
//   {"id":1,"values":[…],"complete":false}         the timeout came first
// {"id":2,"verb":"close","url":…} drops the connections to that address.
// {"id":3,"verb":"admin","url":…,"pattern":method,"data":arguments} is what kafkajs' Admin says, and
// {"id":4,"verb":"transaction","url":…,"pattern":topic,"data":{"values":[…],"end":"commit"|"abort"|"open"}} writes.
import { createInterface } from 'node:readline';
import * as overGrpc from './grpc.mjs';
import { configuration, load, makeTopics, tell } from './nest.mjs';

const nest = load(process.argv[2]);
const clients = new Map();

function headersOf(url, metadata) {
  if (url.startsWith('nats:') || url.startsWith('amqp')) return { headers: metadata };
  if (url.startsWith('mqtt')) return { protocolVersion: 5, userProperties: metadata };
  return undefined;
}

/** What replies kafkajs reads it must know before it connects. */
const kafkaPatterns = [
  'echo', 'ret.null', 'ret.false', 'ret.zero', 'ret.empty', 'ret.undefined', 'ret.surrogate', 'unicode', 'big',
  'nested', 'stream.sync', 'stream.null', 'stream.async', 'stream.empty', 'stream.late-error', 'throw.rpc-text',
  'throw.rpc-object', 'throw.error', 'throw.http', '42', 'slow', 'metadata', 'text', 'late', 'now', 'user.created',
  'never', 'ping', 'there.is.no.such.pattern',
];

/** A client that reads the replies to all of `patterns`. kafkajs leaves out a topic that it does not know of yet. */
async function joined(url, options, patterns, left = 20) {
  const open = nest.ClientProxyFactory.create(configuration(nest, url, options));
  patterns.forEach((pattern) => open.subscribeToResponseOf(pattern));
  await open.connect();
  const assigned = open.getConsumerAssignments();
  if (left === 0 || patterns.every((pattern) => assigned[`${pattern}.reply`] !== undefined)) return open;
  await open.close();
  return joined(url, options, patterns, left - 1);
}

/** One connection per address and metadata: the dispatch hook belongs to the client, not to the call. */
async function client({ url, options, metadata }) {
  const key = JSON.stringify([url, options, metadata]);
  let found = clients.get(key);
  if (!found && url.startsWith('kafka')) {
    const patterns = options?.patterns ?? kafkaPatterns;
    // Whoever asks next waits for it, too.
    found = makeTopics(nest, url, patterns, options).then(() => joined(url, options, patterns));
    clients.set(key, found);
  }
  if (!found) {
    // NATS and MQTT 5 have headers of their own; elsewhere they travel as metadata.
    const headers = metadata && headersOf(url, metadata);
    found = nest.ClientProxyFactory.create(configuration(nest, url, { ...options, ...headers }));
    if (metadata && !headers) found.setOnDispatchHook?.((packet) => { packet.metadata = metadata; });
    clients.set(key, found);
  }
  return found;
}

/** The same over gRPC, whose client has methods instead of `send`: `calls.Calls/Echo`. */
function callMethod({ url, options, pattern, data, metadata }) {
  const { grpc } = overGrpc.load(process.argv[2]);
  const [service, method] = pattern.split('/');
  const key = JSON.stringify([url, options]);
  let found = clients.get(key);
  if (!found) {
    found = nest.ClientProxyFactory.create(configuration(nest, url, options));
    clients.set(key, found);
  }
  const short = service.split('.').pop();
  const isCalls = short === 'Calls';
  const sent = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata ?? {})) sent.set(name, value);
  const call = found.getService(short)[method[0].toLowerCase() + method.slice(1)];
  const message = isCalls ? overGrpc.toValue(data) : Array.isArray(data) ? nest.rxjs.from(data) : data;
  const answers = call(message, sent);
  return isCalls ? answers.pipe(nest.rxjs.map(overGrpc.fromValue)) : answers;
}

/** A status as eyas tells it; one that no service gave is a failure of this side. */
function grpcError({ code, details, message }) {
  const local = [4, 14].includes(code);
  if (local) return { failure: { code, message } };
  const { grpc } = overGrpc.load(process.argv[2]);
  return { error: { code, status: grpc.status[code], message: details } };
}

function close({ id, url }) {
  for (const [key, open] of clients) {
    if (JSON.parse(key)[0] !== url) continue;
    Promise.resolve(open).then((client) => client.close());
    clients.delete(key);
  }
  tell({ id, values: [], complete: true });
}

/** What only Kafka's own clients can do. */
async function kafka({ id, url, verb, pattern, data, options }) {
  const { Kafka, logLevel } = nest.kafkajs();
  const kafka = new Kafka({ logLevel: logLevel.NOTHING, ...configuration(nest, url, options).options.client });
  try {
    if (verb === 'admin') {
      const admin = kafka.admin();
      await admin.connect();
      // It must know a topic before it may say what of it is to go.
      if (data?.topic) await admin.fetchTopicOffsets(data.topic);
      tell({ id, values: [(await admin[pattern](data)) ?? null], complete: true });
      return await admin.disconnect();
    }
    const producer = kafka.producer({ transactionalId: `${pattern}-${id}`, idempotent: true });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: pattern, messages: data.values.map((value) => ({ value })) });
    // An open one stays so until its time is over, or this process.
    if (data.end !== 'open') await transaction[data.end]();
    tell({ id, values: [], complete: true });
  } catch (error) {
    tell({ id, values: [], failure: { code: error.code, message: error.message } });
  }
}

async function call(command) {
  const { id, verb, pattern, metadata, timeout } = command;
  // Over Kafka headers are part of what is sent.
  const inData = metadata && command.url.startsWith('kafka');
  const data = inData ? { value: command.data, headers: metadata } : command.data;
  const values = [];
  let started = performance.now();
  const done = (outcome) => {
    clearTimeout(timer);
    subscription?.unsubscribe();
    tell({ id, values, ...outcome, ms: performance.now() - started });
  };
  let subscription;
  let asking;
  let timer;
  try {
    asking = command.url.startsWith('grpc') ? null : await client(inData ? { ...command, metadata: null } : command);
  } catch (error) {
    return done({ failure: { code: error.code, message: error.message } });
  }
  started = performance.now();
  timer = timeout && setTimeout(() => done({ complete: false }), timeout);
  const isGrpc = command.url.startsWith('grpc');
  const answers = isGrpc ? callMethod(command) : asking[verb](pattern, data);
  subscription = answers.subscribe({
    next: (value) => values.push(value === undefined ? { undefined: true } : value),
    error: (error) => done(isGrpc && error.code !== undefined ? grpcError(error) : error instanceof Error
      ? { failure: { code: error.code, message: error.message } }
      : { error }),
    complete: () => done({ complete: true }),
  });
}

// A client without a listener of its own would bring the process down with its connection.
process.on('unhandledRejection', (reason) => console.error('unhandled rejection:', reason));

// Standard output is for the answers.
nest.Logger.overrideLogger({ log() {}, warn: console.error, error: console.error });

tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.verb === 'close') close(command);
  else if (['admin', 'transaction'].includes(command.verb)) kafka(command);
  else call(command);
}
process.exit(0);
