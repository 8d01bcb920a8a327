// What the oracle's halves need for gRPC: which protos, any JSON as google.protobuf.Value, and the other handlers.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What lies installed beside Nest. */
export function load(folder) {
  const require = createRequire(resolve(folder, 'package.json'));
  return { grpc: require('@grpc/grpc-js'), reflection: require('@grpc/reflection') };
}

/** Nest's options. `reflection: 'v1' | 'v1alpha' | true` among `extra`: what the service tells of itself. */
export function options(url, extra) {
  const { reflection, tls, loader, ...own } = extra ?? {};
  const folder = process.argv[2];
  const more = {};
  if (reflection) {
    const { ReflectionService } = load(folder).reflection;
    more.onLoadPackageDefinition = (definition, server) => {
      const service = new ReflectionService(definition);
      const reflecting = reflection === true ? service : only(service, reflection);
      reflecting.addToServer(server);
    };
  }
  if (tls) more.credentials = credentials(load(folder).grpc, tls);
  return {
    url: new URL(url).host,
    package: ['calls', 'heroes.v1'],
    protoPath: [here('calls.proto'), here('heroes.proto')],
    loader: loader && Object.fromEntries(Object.entries(loader).map(named)),
    ...more,
    ...own,
  };
}

/** JSON cannot hold what the loader takes: `String` itself. */
const named = ([key, value]) => [key, value === 'String' ? String : value];

/** One version of reflection alone. */
function only(service, version) {
  return {
    addToServer(server) {
      service.addToServer({
        addService(definition, implementation) {
          const [{ path }] = Object.values(definition);
          if (path.startsWith(`/grpc.reflection.${version}.`)) server.addService(definition, implementation);
        },
      });
    },
  };
}

function credentials({ ServerCredentials, credentials }, { side, ca, cert, key, mutual }) {
  const buffer = (text) => (text ? Buffer.from(text) : null);
  if (side === 'client') return credentials.createSsl(buffer(ca), buffer(key), buffer(cert));
  return ServerCredentials.createSsl(
    buffer(ca), [{ private_key: buffer(key), cert_chain: buffer(cert) }], Boolean(mutual));
}

/** The method of calls.proto for one of the service's patterns: `stream.late-error` → `StreamLateError`. */
export function method(pattern) {
  if (typeof pattern !== 'string') return undefined;
  return pattern.split(/[.-]/).map((word) => word[0].toUpperCase() + word.slice(1)).join('');
}

/** JSON as a google.protobuf.Value. */
export function toValue(json) {
  if (json === undefined) return undefined;
  if (json === null) return { nullValue: 0 };
  if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } };
  switch (typeof json) {
    case 'boolean': return { boolValue: json };
    case 'number': return { numberValue: json };
    case 'string': return { stringValue: json };
    default: {
      const fields = Object.entries(json).map(([key, value]) => [key, toValue(value)]);
      return { structValue: { fields: Object.fromEntries(fields) } };
    }
  }
}

/** The JSON of a google.protobuf.Value. */
export function fromValue(value) {
  if (value?.listValue) return (value.listValue.values ?? []).map(fromValue);
  if (value?.structValue) {
    const fields = Object.entries(value.structValue.fields ?? {});
    return Object.fromEntries(fields.map(([key, inner]) => [key, fromValue(inner)]));
  }
  return value?.boolValue ?? value?.numberValue ?? value?.stringValue ?? null;
}

/** The handlers of heroes.proto, as [decorator, method, handler]; what Nest's loader gives comes to them unchanged. */
export function heroes({ GrpcMethod, GrpcStreamMethod, GrpcStreamCall, RpcException, rxjs }, { grpc }) {
  const { of, concat, throwError, NEVER, map, reduce } = rxjs;
  const hero = ({ heroId }) => ({
    heroId, name: 'żółw', rank: 7, powers: [{ powerName: 'sleep', level: 3 }],
    scores: { z: 1, a: 2 }, badge: Buffer.from([0, 255]), largest: '18446744073709551615', height: 1.5,
    weight: 0.1, retired: true, orbit: -5, age: 0, marks: ['-1', '2'],
  });
  const failing = (details) => () => { throw new RpcException(details); };
  const metadata = new grpc.Metadata();
  metadata.set('x-why', 'because');
  metadata.set('x-raw-bin', Buffer.from([0, 1, 254]));
  return [
    [GrpcMethod, 'FindOne', hero],
    [GrpcMethod, 'Save', (data) => data],
    [GrpcMethod, 'SaveTypes', (data) => data],
    [GrpcMethod, 'Ping', () => ({})],
    [GrpcMethod, 'FindTwice', (data) => of(hero(data), hero({ heroId: 2 }))],
    [GrpcMethod, 'List', () => of({ heroId: 1 }, { heroId: 2 })],
    [GrpcMethod, 'ListThenFail', () =>
      concat(of({ heroId: 1 }), throwError(() => new RpcException({ code: 5, message: 'gone żółw' })))],
    [GrpcStreamMethod, 'Sum', (data) =>
      data.pipe(reduce((sum, { heroId }) => sum + Number(heroId), 0), map((sum) => ({ heroId: sum })))],
    [GrpcStreamMethod, 'Chat', (data) => data.pipe(map(({ heroId }) => ({ heroId: Number(heroId) * 10 })))],
    [GrpcMethod, 'Fail', failing({ code: 5, message: 'not found żółw' })],
    [GrpcMethod, 'FailWithMetadata', failing({ code: 3, details: 'the details', message: 'no', metadata })],
    [GrpcMethod, 'Headers', (_, given, call) => {
      const back = new grpc.Metadata();
      for (const name of Object.keys(given.getMap()).filter((name) => name.startsWith('x-'))) {
        given.get(name).forEach((value) => back.add(name, value));
      }
      call.sendMetadata(back);
      const deadline = call.getDeadline();
      return { name: Number.isFinite(Number(deadline)) ? 'a deadline' : 'no deadline' };
    }],
    [GrpcMethod, 'Never', () => NEVER],
  ];
}
