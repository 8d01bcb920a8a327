// A real Nest microservice: node service.mjs NEST_FOLDER URL [OPTIONS_JSON]
//
// Says {"ready":port} when it listens (port 0 in the URL takes a free one), then one line for each call of a
// handler: {"call":pattern,"data":…,"metadata":…}. Ends with its standard input.
import * as overGrpc from './grpc.mjs';
import { configuration, load, makeTopics, tell } from './nest.mjs';

const [folder, url, options = '{}'] = process.argv.slice(2);
const nest = load(folder);
const { Ctx, EventPattern, HttpException, MessagePattern, Payload, RpcException } = nest;
const { concat, concatMap, delay, EMPTY, NEVER, of, throwError, timer } = nest.rxjs;

const requests = [
  ['echo', (data) => data],
  ['ret.null', () => null],
  ['ret.false', () => false],
  ['ret.zero', () => 0],
  ['ret.empty', () => ''],
  ['ret.undefined', () => undefined],
  ['ret.surrogate', () => 'a\ud83d'],
  ['unicode', () => 'żółć 😀 漢字 \u2028 \u0000'],
  ['big', () => 'x'.repeat(2 ** 20)],
  ['nested', () => ({ b: [1, [2, { c: null }]], a: { 'k"ey': { deep: ['\n', -0.5, 1e21] } } })],
  ['stream.sync', () => of(1, 'two', { three: 3 })],
  ['stream.null', () => of(null, null)],
  ['stream.async', () => of(1, 'two', 3).pipe(concatMap((value) => of(value).pipe(delay(5))))],
  ['stream.empty', () => EMPTY],
  ['stream.late-error', () => concat(of(1, 2), throwError(() => new RpcException('too late')))],
  ['throw.rpc-text', () => { throw new RpcException('no such order'); }],
  ['throw.rpc-object', () => { throw new RpcException({ code: 42, message: 'm', details: { a: [1] } }); }],
  ['throw.error', () => { throw new Error('secret'); }],
  ['throw.http', () => { throw new HttpException('not here', 404); }],
  [{ cmd: 'sum' }, (data) => data.reduce((a, b) => a + b, 0)],
  [{ z: 1, a: { y: 'v', b: true }, Cmd: 'n' }, () => 'sorted'],
  [42, () => 'the answer'],
  // Not `value`: over Kafka that makes the data the message itself.
  ['slow', ({ ms, answer }) => timer(ms).pipe(nest.rxjs.map(() => answer))],
  ['never', () => NEVER],
  ['metadata', (_, context) => metadata(context) ?? null],
  ['sensors/+/temp', (data, context) => ({ topic: context.getTopic?.(), data })],
  ['$share/group/work/+', (data) => data],
  ['orders.*', (data, context) => ({ subject: context.getSubject?.() ?? context.getChannel?.(), data })],
];

const events = ['user.created', 'flood', { evt: 'obj' }];

const isGrpc = url.startsWith('grpc');

/** What the caller sent beside the data: headers, or what Nest calls metadata. */
function metadata(context) {
  if (context.getConsumer) {
    const headers = Object.entries(context.getMessage().headers);
    return Object.fromEntries(headers.filter(([name]) => !name.startsWith('kafka_')));
  }
  if (isGrpc) {
    const own = Object.entries(context.getMap()).filter(([name]) => !name.match(/^(user-agent|.*encoding)$/));
    return Object.fromEntries(own);
  }
  const headers = context.getHeaders?.();
  if (headers) return Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
  // Nest 12 has `getMetadata` everywhere.
  const properties = context.getMessage?.()?.properties;
  if (properties) return properties.headers;
  return context.getPacket?.().properties?.userProperties ?? context.getMetadata?.();
}

class Controller {}

// What `@MessagePattern(pattern) name(@Payload() data, @Ctx() context)` compiles to.
function add(decorator, pattern, handle) {
  const name = JSON.stringify(pattern);
  Controller.prototype[name] = function (data, context) {
    tell({ call: pattern, data, metadata: metadata(context) });
    return handle(data, context);
  };
  Payload()(Controller.prototype, name, 0);
  Ctx()(Controller.prototype, name, 1);
  decorator(pattern)(Controller.prototype, name, Object.getOwnPropertyDescriptor(Controller.prototype, name));
}

/** The same as a method: any JSON as google.protobuf.Value. */
function addMethod(pattern, handle) {
  const toValues = (answer) => (nest.rxjs.isObservable(answer)
    ? answer.pipe(nest.rxjs.map(overGrpc.toValue))
    : overGrpc.toValue(answer));
  const decorator = () => nest.GrpcMethod('Calls', overGrpc.method(pattern));
  add(decorator, pattern, (data, context) => toValues(handle(overGrpc.fromValue(data), context)));
}

/** The handlers that gRPC alone has. */
function addHeroes() {
  const grpc = overGrpc.load(folder);
  for (const [decorator, name, handle] of overGrpc.heroes(nest, grpc)) {
    Controller.prototype[name] = handle;
    const descriptor = Object.getOwnPropertyDescriptor(Controller.prototype, name);
    // As a compiler does it: what a stream's decorator puts around the handler would be lost.
    decorator('Heroes', name)(Controller.prototype, name, descriptor);
    Object.defineProperty(Controller.prototype, name, descriptor);
  }
}

// A topic has no other characters, and one that is none ends the whole subscription.
const can = (pattern) => !url.startsWith('kafka') || /^[\w.-]+$/.test(pattern);
if (isGrpc) {
  for (const [pattern, handle] of requests) addMethod(pattern, handle);
  addHeroes();
} else {
  for (const [pattern, handle] of requests) if (can(pattern)) add(MessagePattern, pattern, handle);
  for (const pattern of events) if (can(pattern)) add(EventPattern, pattern, () => {});
}
nest.Controller()(Controller);

class Module {}
nest.Module({ controllers: [Controller] })(Module);

// Standard output is for the tests; what Nest says goes where failures are looked up.
const say = (...words) => console.error(...words);
const logger = { log() {}, warn: say, error: say, fatal: say };
const application = await nest.NestFactory.createMicroservice(Module, {
  ...configuration(nest, url, JSON.parse(options)),
  logger,
});
// The strategy is private, and its name changed from 10 to 11.
const strategy = application.serverInstance ?? application.server;
// Nest 10 reads port 0 as none and would take its default.
if (new URL(url).port === '0') strategy.port = 0;
if (url.startsWith('kafka')) {
  const patterns = [...requests.map(([pattern]) => pattern), ...events].filter(can);
  await makeTopics(nest, url, patterns, JSON.parse(options));
}
// gRPC tells its port to nobody but the one who binds.
let bound;
if (isGrpc) {
  const { Server } = overGrpc.load(folder).grpc;
  const bind = Server.prototype.bindAsync;
  Server.prototype.bindAsync = function (address, credentials, done) {
    bind.call(this, address, credentials, (error, port) => { bound = port; done(error, port); });
  };
}
await application.listen();
// A broker may still be at our subscriptions.
await strategy.natsClient?.flush();
await strategy.mqttClient?.subscribeAsync('ready');
tell({ ready: bound ?? strategy.server?.address?.().port ?? null });

process.stdin.resume().on('end', () => process.exit(0));
