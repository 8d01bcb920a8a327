// A real Nest HTTP service: node http.mjs NEST_FOLDER URL
//
// Says {"ready":port} when it listens, then one line for each request that reaches `/echo`. Its health is told at
// `/health`; `PUT /health {"down":true}` makes it sick. Ends with its standard input.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { load, tell } from './nest.mjs';

const [folder, url] = process.argv.slice(2);
const nest = load(folder);
const require = createRequire(resolve(folder, 'package.json'));
const { HealthCheckService, HealthIndicatorService, TerminusModule } = require('@nestjs/terminus');
const { concat, concatMap, delay, EMPTY, NEVER, of, throwError, timer } = nest.rxjs;
const { All, Body, Delete, Get, HttpCode, HttpException, Inject, Param, Patch, Post, Put, Query, Req, Res, Sse } = nest;


/** The parts of a form, as Node itself reads them. */
async function parts(request, type) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = await new Response(Buffer.concat(chunks), { headers: { 'content-type': type } }).formData();
  return Promise.all([...form].map(async ([name, value]) => (typeof value === 'string'
    ? { name, value }
    : { name, file: value.name, type: value.type, value: await value.text() })));
}

const routes = [
  [All('echo'), [() => Req()], async (request) => {
    const { method, originalUrl, headers, body } = request;
    const seen = { method, url: originalUrl, type: headers['content-type'] ?? null, trace: headers['x-trace'] ?? null, body };
    if (seen.type?.startsWith('multipart/')) seen.parts = await parts(request, seen.type);
    tell({ call: 'echo', ...seen });
    return seen;
  }],
  [Get('orders/:id'), [() => Param('id'), () => Query()], (id, query) => ({ id, query })],
  [Post('orders'), [() => Body()], (body) => ({ id: 1, ...body })],
  [Patch('orders/:id'), [() => Body()], (body) => body],
  [Delete('orders/:id'), [], () => undefined, HttpCode(204)],
  [Get('ret/text'), [], () => 'żółć'],
  [Get('ret/number'), [], () => 42],
  [Get('ret/false'), [], () => false],
  [Get('ret/null'), [], () => null],
  [Get('ret/undefined'), [], () => undefined],
  [Get('ret/empty'), [], () => ''],
  [Get('ret/list'), [], () => [1, { two: 2 }, null]],
  [Get('ret/big'), [], () => ({ big: 'ż😀x'.repeat(2 ** 17) })],
  [Get('stream/sync'), [], () => of(1, 'two', { three: 3 })],
  [Get('stream/empty'), [], () => EMPTY],
  [Get('stream/late-error'), [], () => concat(of(1), throwError(() => new HttpException('too late', 409)))],
  [Get('throw/http'), [], () => { throw new HttpException('not here', 404); }],
  [Get('throw/object'), [], () => { throw new HttpException({ code: 42, details: { a: [1] } }, 422); }],
  [Get('throw/error'), [], () => { throw new Error('secret'); }],
  [Get('slow'), [() => Query('ms')], (ms) => timer(Number(ms)).pipe(nest.rxjs.map(() => ({ ms })))],
  [Get('never'), [], () => NEVER],
  [Get('redirect'), [() => Res()], (response) => response.redirect(302, '/orders/7')],
  [Get('gzip'), [() => Res()], (response) => {
    response.set('content-encoding', 'gzip').type('json').send(gzipSync('{"zipped":true}'));
  }],
  [Get('binary'), [() => Res()], (response) => response.type('bin').send(Buffer.from([0, 255, 1]))],
  [Get('reset'), [() => Req()], ({ socket }) => { socket.destroy(); }],
  [Sse('events'), [], () => of({ data: { n: 1 } }, { data: 'two' }, { data: { n: 3 }, type: 'late', id: '3' })
    .pipe(concatMap((event) => of(event).pipe(delay(5))))],
];

class Controller {}
routes.forEach(([decorator, parameters, handle, ...more], index) => {
  const name = `route${index}`;
  Controller.prototype[name] = handle;
  parameters.forEach((parameter, nth) => parameter()(Controller.prototype, name, nth));
  for (const decorate of [decorator, ...more]) {
    decorate(Controller.prototype, name, Object.getOwnPropertyDescriptor(Controller.prototype, name));
  }
});
nest.Controller()(Controller);

let down = false;

class HealthController {
  constructor(health, indicators) {
    this.health = health;
    this.indicators = indicators;
  }

  report() {
    const database = () => {
      const check = this.indicators.check('database');
      return down ? check.down({ state: 'closed' }) : check.up();
    };
    return this.health.check([database, () => this.indicators.check('process').up()]);
  }

  change(body) {
    down = body.down;
    return { down };
  }
}
const decorate = (name, ...decorators) => decorators.forEach((decorator) => {
  decorator(HealthController.prototype, name, Object.getOwnPropertyDescriptor(HealthController.prototype, name));
});
decorate('report', Get());
decorate('change', Put());
Body()(HealthController.prototype, 'change', 0);
Inject(HealthCheckService)(HealthController, undefined, 0);
Inject(HealthIndicatorService)(HealthController, undefined, 1);
nest.Controller('health')(HealthController);

class Module {}
nest.Module({ imports: [TerminusModule.forRoot({ logger: false })], controllers: [Controller, HealthController] })(Module);

// Standard output is for the tests; what Nest says goes where failures are looked up.
const say = (...words) => console.error(...words);
const logger = { log() {}, warn: say, error: say, fatal: say };
const application = await nest.NestFactory.create(Module, { logger });
const { hostname, port } = new URL(url);
await application.listen(Number(port || 0), hostname);
tell({ ready: application.getHttpServer().address().port });

process.stdin.resume().on('end', () => process.exit(0));
