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
import { createInterface } from 'node:readline';
import { configuration, load, tell } from './nest.mjs';

const nest = load(process.argv[2]);
const clients = new Map();

function headersOf(url, metadata) {
  if (url.startsWith('nats:')) return { headers: metadata };
  if (url.startsWith('mqtt')) return { protocolVersion: 5, userProperties: metadata };
  return undefined;
}

/** One connection per address and metadata: the dispatch hook belongs to the client, not to the call. */
function client({ url, options, metadata }) {
  const key = JSON.stringify([url, options, metadata]);
  let found = clients.get(key);
  if (!found) {
    // NATS and MQTT 5 have headers of their own; elsewhere they travel as metadata.
    const headers = metadata && headersOf(url, metadata);
    found = nest.ClientProxyFactory.create(configuration(nest, url, { ...options, ...headers }));
    if (metadata && !headers) found.setOnDispatchHook?.((packet) => { packet.metadata = metadata; });
    clients.set(key, found);
  }
  return found;
}

function close({ id, url }) {
  for (const [key, open] of clients) {
    if (JSON.parse(key)[0] !== url) continue;
    open.close();
    clients.delete(key);
  }
  tell({ id, values: [], complete: true });
}

function call(command) {
  const { id, verb, pattern, data, timeout } = command;
  const values = [];
  const started = performance.now();
  const done = (outcome) => {
    clearTimeout(timer);
    subscription?.unsubscribe();
    tell({ id, values, ...outcome, ms: performance.now() - started });
  };
  let subscription;
  const timer = timeout && setTimeout(() => done({ complete: false }), timeout);
  subscription = client(command)[verb](pattern, data).subscribe({
    next: (value) => values.push(value === undefined ? { undefined: true } : value),
    error: (error) => done(error instanceof Error
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
  else call(command);
}
process.exit(0);
