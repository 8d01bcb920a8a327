// How fast Nest's own client is: node bench.mjs NEST_FOLDER URL PATTERN COUNT IN_FLIGHT
//
// Sends COUNT requests, IN_FLIGHT at a time, after a tenth of them to warm up, and says
// {"per_second":…,"p50_ms":…,"p99_ms":…}. COUNT 1 is the throw-away script that people write: it prints the reply.
import { configuration, load, tell } from './nest.mjs';

const [folder, url, pattern, count, inFlight] = process.argv.slice(2);
const nest = load(folder);
// Standard output is for the figures.
nest.Logger.overrideLogger(false);
const client = nest.ClientProxyFactory.create(configuration(nest, url, {}));
// Kafka's must know whose replies it will read before it connects; gRPC's connects with its first call.
client.subscribeToResponseOf?.(pattern);
const isGrpc = url.startsWith('grpc');
if (!isGrpc) await client.connect();
// Nest's MQTT client gives up its subscription for replies when no request is out, although requests may already wait for
// theirs to be granted: their replies are lost, and this would wait for ever. One that is held throughout prevents it.
if (url.startsWith('mqtt') && Number(inFlight) > 1) {
  await client.unwrap().subscribeAsync(`${pattern}/reply`);
  client.subscriptionsCount.set(`${pattern}/reply`, 1);
}

/** What asks once: over gRPC a method, `heroes.v1.Heroes/FindOne`. */
function asking() {
  if (!isGrpc) return () => client.send(pattern, {});
  const [service, method] = pattern.split('/');
  const found = client.getService(service.split('.').pop());
  return () => found[method[0].toLowerCase() + method.slice(1)]({});
}

const ask = asking();
const call = () => new Promise((resolve, reject) => {
  ask().subscribe({ next: resolve, error: reject });
});

async function run(total) {
  const latencies = new Float64Array(total);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < total; index = next++) {
      const started = performance.now();
      await call();
      latencies[index] = performance.now() - started;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: Number(inFlight) }, worker));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort();
  const at = (part) => latencies[Math.min(total - 1, Math.floor(total * part))];
  return { per_second: total / seconds, p50_ms: at(0.5), p99_ms: at(0.99) };
}

if (Number(count) === 1) {
  console.log(JSON.stringify(await call()));
} else {
  await run(Math.ceil(count / 10));
  tell(await run(Number(count)));
}
client.close();
process.exit(0);
