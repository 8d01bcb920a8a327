import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppModule } from '../src/app.module.js';
import { appOptions } from '../src/app.js';
import type { Env } from '../src/config/env.js';
import { Database } from '../src/database/database.js';
import { type SagaStep, StepRefused } from '../src/saga/saga.js';
import { SagaRunner } from '../src/saga/saga.runner.js';
import { SagaStore } from '../src/saga/saga.store.js';
import { Sagas } from '../src/saga/sagas.js';
import { freshDatabase } from './database.js';
import { killAgainAndAgain, KILLS } from './killed.js';
import { collectLog } from './log.js';
import { peers, SERVICE } from './peers.js';
import { appEnv, startApp } from './running-app.js';

type Data = Record<string, unknown>;
type Step = SagaStep<Data>;

const MINUTE_MS = 60_000;
/** How many sagas are started for each time that the process is killed. */
const SAGAS_FOR_EACH = 10;

describe('sagas', () => {
  const log = collectLog();
  let url: string;
  let apps: INestApplication[];
  let done: string[];

  /** A replica of the service; it listens to nobody, and waits for no step in the end. */
  const replica = async (settings: Partial<Env> = {}, idle = false) => {
    const env = { ...appEnv(url), SHUTDOWN_GRACE_MS: 0, ...settings };
    const builder = Test.createTestingModule({ imports: [AppModule.for(env)] });
    if (idle) builder.overrideProvider(SagaRunner).useValue({});
    const module = await builder.compile();
    const app = module.createNestApplication(appOptions(env));
    apps.push(app);
    return app.init();
  };

  const end = async (app: INestApplication) => {
    apps = apps.filter((other) => other !== app);
    await app.close();
  };

  /** A step that tells what it has done. */
  const step = (name: string, run?: Step['run']): Step => ({
    name,
    run: async (context) => {
      const added = await run?.(context);
      done.push(name);
      return added;
    },
    compensate: async () => {
      done.push(`not ${name}`);
    },
  });

  const failing = (name: string, error: Error) =>
    step(name, () => Promise.reject(error));

  /** Never ends; tells when it has begun. */
  const hanging = (name: string) => {
    const begun = Promise.withResolvers<void>();
    const run = () => {
      begun.resolve();
      return new Promise<void>(() => {});
    };
    return { ...step(name, run), begun: begun.promise };
  };

  const start = async (app: INestApplication, steps: Step[], more?: object) => {
    const saga = { name: randomUUID(), timeoutMs: MINUTE_MS, steps, ...more };
    app.get(Sagas).add(saga);
    return app.get(Sagas).start(saga.name, { given: 1 });
  };

  const stateOf = (app: INestApplication, id: string) => async () =>
    (await app.get(Sagas).status(id)).state;

  const query = (app: INestApplication, sql: string, parameters?: unknown[]) =>
    app.get(Database).manager.query(sql, parameters);

  beforeEach(async () => {
    apps = [];
    done = [];
    log.length = 0;
    url = await freshDatabase(appEnv());
  });

  afterEach(() => Promise.all(apps.map((app) => app.close())));

  it('do their steps one by one, each with what those before it gave', async () => {
    const app = await replica();
    const id = await start(app, [
      step('one', async ({ data }) => ({ one: data['given'] })),
      step('two', async ({ data }) => void done.push(JSON.stringify(data))),
    ]);
    await expect.poll(stateOf(app, id)).toBe('done');
    expect(done).toEqual(['one', '{"given":1,"one":1}', 'two']);
  });

  it('take back what was done, the last step first, and nothing else', async () => {
    const app = await replica();
    const bad = failing('bad', new StepRefused('sold out'));
    const steps = [step('one'), step('two'), bad, step('four')];
    const id = await start(app, steps);
    await expect.poll(stateOf(app, id)).toBe('compensated');
    expect(done).toEqual(['one', 'two', 'not two', 'not one']);
    expect((await app.get(Sagas).status(id)).error).toBe('sold out');
  });

  it('take back a step that failed, too, for it may have been done', async () => {
    const app = await replica();
    const bad = failing('bad', new Error('no answer'));
    const id = await start(app, [step('one'), bad, step('three')]);
    await expect.poll(stateOf(app, id)).toBe('compensated');
    expect(done).toEqual(['one', 'not bad', 'not one']);
  });

  it('keep nothing that a step changed here before it failed', async () => {
    const app = await replica();
    await query(app, 'CREATE TABLE notes (step text)');
    const note = (name: string) =>
      query(app, 'INSERT INTO notes VALUES ($1)', [name]);
    const id = await start(app, [
      step('one', async () => void (await note('one'))),
      step('bad', async () => {
        await note('bad');
        throw new Error('not this time');
      }),
    ]);
    await expect.poll(stateOf(app, id)).toBe('compensated');
    const notes = await query(app, 'SELECT step FROM notes');
    expect(notes).toEqual([{ step: 'one' }]);
  });

  it('are taken back when a step, or all of them, take too long', async () => {
    const app = await replica();
    const slow = { ...hanging('slow'), timeoutMs: 100 };
    const byStep = await start(app, [step('one'), slow]);
    await expect.poll(stateOf(app, byStep)).toBe('compensated');
    expect(done).toEqual(['one', 'not slow', 'not one']);
    const { error } = await app.get(Sagas).status(byStep);
    expect(error).toBe('took more than 100 ms');
    const bySaga = await start(app, [hanging('slow')], { timeoutMs: 1000 });
    await expect.poll(stateOf(app, bySaga)).toBe('compensated');
    expect(done.at(-1)).toBe('not slow');
  });

  it('try again what could not be taken back', async () => {
    const app = await replica({ SAGA_POLL_MS: 10 });
    let refusals = 2;
    const stubborn: Step = {
      ...step('one'),
      compensate: async () => {
        if (refusals-- > 0) throw new Error('away');
        done.push('not one');
      },
    };
    const id = await start(app, [stubborn, failing('bad', new Error('no'))]);
    await expect.poll(stateOf(app, id)).toBe('compensated');
    expect(done).toEqual(['one', 'not bad', 'not one']);
    const told = log.filter(({ message }) => message === 'saga is put off');
    expect(told).toMatchObject([
      { step: 'one', attempts: 1, cause: 'away' },
      { step: 'one', attempts: 2, cause: 'away' },
    ]);
  });

  it('begin with the commit of the transaction that starts them', async () => {
    const app = await replica();
    const database = app.get(Database);
    const undone = database.transaction(async () => {
      await start(app, [step('one')]);
      throw new Error('not this time');
    });
    await expect(undone).rejects.toThrow('not this time');
    const starting = () => start(app, [step('other')]);
    const id = await database.transaction(starting);
    await expect.poll(stateOf(app, id)).toBe('done');
    expect(done).toEqual(['other']);
  });

  it('go on after a restart, with the step that was under way', async () => {
    const first = await replica();
    const name = randomUUID();
    const slow = hanging('two');
    const id = await start(first, [step('one'), slow], { name });
    await slow.begun;
    await end(first);
    const steps = [step('one'), step('two')];
    const second = await replica();
    second.get(Sagas).add({ name, timeoutMs: MINUTE_MS, steps });
    await expect.poll(stateOf(second, id)).toBe('done');
    expect(done).toEqual(['one', 'two']);
  });

  it('are taken back after a restart that came too late', async () => {
    const first = await replica();
    const name = randomUUID();
    const slow = hanging('two');
    const steps = [step('one'), slow, step('three')];
    const id = await start(first, steps, { name });
    await slow.begun;
    await end(first);
    const second = await replica({}, true);
    second.get(Sagas).add({ name, timeoutMs: MINUTE_MS, steps });
    const untouched = await second.get(Sagas).start(name, {});
    await query(second, 'UPDATE sagas SET deadline = now()');
    const third = await replica();
    third.get(Sagas).add({ name, timeoutMs: MINUTE_MS, steps });
    await expect.poll(stateOf(third, id)).toBe('compensated');
    await expect.poll(stateOf(third, untouched)).toBe('compensated');
    // What was under way, and what was done; of the other nothing had begun.
    expect(done).toEqual(['one', 'not two', 'not one']);
  });

  it('are taken further by one replica at a time', async () => {
    const replicas = [await replica(), await replica()];
    const name = randomUUID();
    const steps = ['one', 'two', 'three'].map((which) =>
      step(which, async ({ id }) => void done.push(`${id} ${which}`)),
    );
    for (const app of replicas)
      app.get(Sagas).add({ name, timeoutMs: MINUTE_MS, steps });
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        replicas[n % 2]!.get(Sagas).start(name, {}),
      ),
    );
    for (const id of ids)
      await expect.poll(stateOf(replicas[0]!, id)).toBe('done');
    for (const id of ids)
      expect(done.filter((line) => line.startsWith(id))).toEqual(
        steps.map((one) => `${id} ${one.name}`),
      );
  });

  it('forget what a replica did of a step that another took from it', async () => {
    const first = await replica({ SAGA_CONCURRENCY: 1 });
    const second = await replica();
    const name = randomUUID();
    const go = Promise.withResolvers<void>();
    const lost = step('one', async () => {
      const [row] = await query(first, 'SELECT pg_backend_pid() AS pid');
      // As if its machine had vanished, and come back later.
      await query(second, 'SELECT pg_terminate_backend($1)', [row.pid]);
      await go.promise;
      return { by: 'first' };
    });
    const taken = step('one', async () => ({ by: 'second' }));
    const last = step(
      'two',
      async ({ data }) => void done.push(String(data['by'])),
    );
    const id = await start(first, [lost, last], { name });
    const steps = [taken, last];
    second.get(Sagas).add({ name, timeoutMs: MINUTE_MS, steps });
    await expect.poll(stateOf(second, id)).toBe('done');
    go.resolve();
    await end(first);
    expect(done).toContain('second');
    expect(done).not.toContain('first');
    await expect(stateOf(second, id)()).resolves.toBe('done');
  });

  it('have steps, each of which has a name of its own', async () => {
    const app = await replica();
    const twice = start(app, [step('one'), step('two'), step('one')]);
    await expect(twice).rejects.toThrow('two steps of one name');
    await expect(start(app, [])).rejects.toThrow('has no steps');
    const unknown = app.get(Sagas).start('unknown', {});
    await expect(unknown).rejects.toThrow('there is no saga unknown');
  });

  it('can be forgotten some time after their end', async () => {
    const app = await replica();
    const id = await start(app, [step('one')]);
    await expect.poll(stateOf(app, id)).toBe('done');
    const open = await start(app, [hanging('slow')]);
    await query(
      app,
      "UPDATE sagas SET ended_at = ended_at - interval '2 days' WHERE ended_at IS NOT NULL",
    );
    await app.get(SagaStore).purge(3);
    await expect(stateOf(app, id)()).resolves.toBe('done');
    await app.get(SagaStore).purge(1);
    await expect(stateOf(app, id)()).rejects.toThrow('there is no saga');
    await expect(stateOf(app, open)()).resolves.toBe('running');
  });

  it.each(peers)('tell over $name how far they are', async (peer) => {
    const app = await startApp((builder) => builder, url);
    apps.push(app);
    const client = peer.client(app);
    const ask = (id: string) =>
      lastValueFrom(client.send(`${SERVICE}.saga`, { id }));
    const name = randomUUID();
    const go = Promise.withResolvers<void>();
    const steps = [
      step('one', () => go.promise),
      failing('two', new Error('no')),
    ];
    const id = await start(app, steps, { name });
    const running = { id, name, state: 'running', step: 'one' };
    await expect(ask(id)).resolves.toEqual(running);
    go.resolve();
    await expect.poll(stateOf(app, id)).toBe('compensated');
    const ended = { id, name, state: 'compensated', error: 'no' };
    await expect(ask(id)).resolves.toEqual(ended);
    const unknown = ask(randomUUID());
    await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(ask('7')).rejects.toMatchObject({ code: 'INVALID' });
    await client.close();
  });

  it(
    'are done or taken back as a whole, however often the process is killed',
    { timeout: 600_000 },
    async () => {
      const app = await replica({}, true);
      await query(app, TRACES);
      const sagas = app.get(Sagas);
      const steps = STEPS.map((name) => step(name));
      for (const name of ['steady', 'late'])
        sagas.add({ name, timeoutMs: 60 * MINUTE_MS, steps });
      const refused = [undefined, undefined, 'three', 'four'];
      const startSome = async () => {
        // The time of some is up, wherever they are.
        await query(
          app,
          `UPDATE sagas SET deadline = now()
           WHERE name = 'late' AND ended_at IS NULL AND (step > 0 OR attempts > 0)`,
        );
        for (let n = 0; n < SAGAS_FOR_EACH; n++) {
          const name = n % 3 === 0 ? 'late' : 'steady';
          await sagas.start(name, { refused: refused[n % 4] });
        }
      };
      const ended = async (): Promise<Ended[]> =>
        query(
          app,
          'SELECT id, name, state, data::json FROM sagas WHERE ended_at IS NOT NULL',
        );

      await killAgainAndAgain(appEnv(url), startSome, SAME_STEPS);
      const all = KILLS * SAGAS_FOR_EACH;
      await expect.poll(ended, { timeout: MINUTE_MS }).toHaveLength(all);

      const allTraces: Trace[] = await query(app, 'SELECT * FROM traces');
      const allNotes: Trace[] = await query(app, 'SELECT * FROM notes');
      const found = (await ended()).map((saga) => ({
        ...saga,
        traces: allTraces.filter((trace) => trace.saga === saga.id),
        notes: allNotes.filter((note) => note.saga === saga.id),
      }));
      // What a step changes here is one with the note that it was done.
      for (const { notes } of found)
        expect(new Set(stepsOf(notes)).size).toBe(notes.length);
      for (const { state, data } of found.filter(isSteady))
        expect(state).toBe(data.refused ? 'compensated' : 'done');
      const [whole, back] = [found.filter(isDone), found.filter(isBack)];
      for (const { traces, notes } of whole) {
        const stand = traces.filter(({ undone }) => undone === null);
        expect(stepsOf(stand).toSorted()).toEqual(STEPS.toSorted());
        expect(notes).toHaveLength(STEPS.length);
      }
      for (const { traces, data } of back) {
        expect(traces.filter(({ undone }) => undone === null)).toEqual([]);
        // The last one first, and nothing behind the one that refused.
        const first = traces.toSorted((a, b) => +b.undone! - +a.undone!);
        expect(stepsOf(first)).toEqual(STEPS.slice(0, first.length));
        const last = STEPS.indexOf(data.refused ?? 'four');
        expect(first.length).toBeLessThanOrEqual(last + 1);
      }
      expect(whole.length + back.length).toBe(all);
    },
  );
});

interface Ended {
  id: string;
  name: string;
  state: string;
  data: { refused?: string };
}

interface Trace {
  saga: string;
  step: string;
  undone: Date | null;
}

const stepsOf = (traces: Trace[]) => traces.map(({ step }) => step);
const isSteady = ({ name }: Ended) => name === 'steady';
const isDone = ({ state }: Ended) => state === 'done';
const isBack = ({ state }: Ended) => state === 'compensated';

const STEPS = ['one', 'two', 'three', 'four'];

const TRACES = `
  CREATE TABLE traces (
    saga uuid, step text, undone timestamptz, PRIMARY KEY (saga, step)
  );
  CREATE TABLE notes (saga uuid, step text)
`;

/**
 * Makes the same sagas known to a process which is going to be killed. Traces
 * are left past every transaction, as others would have them who are called.
 */
const SAME_STEPS = `
  const { DataSource } = await import('typeorm');
  const { Database } = await import('./dist/database/database.js');
  const { StepRefused } = await import('./dist/saga/saga.js');
  const { Sagas } = await import('./dist/saga/sagas.js');

  const pause = () =>
    new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
  const trace = async (id, name, undone) => {
    await app.get(DataSource).query(
      'INSERT INTO traces VALUES ($1, $2, $3) ' +
        'ON CONFLICT (saga, step) DO UPDATE SET undone = $3',
      [id, name, undone],
    );
    await pause();
  };
  const step = (name) => ({
    name,
    run: async ({ id, data }) => {
      if (data.refused === name) throw new StepRefused(name);
      const note = 'INSERT INTO notes VALUES ($1, $2)';
      await app.get(Database).manager.query(note, [id, name]);
      await trace(id, name, null);
    },
    compensate: ({ id }) => trace(id, name, new Date()),
  });
  const steps = ${JSON.stringify(STEPS)}.map(step);
  for (const name of ['steady', 'late'])
    app.get(Sagas).add({ name, timeoutMs: 1, steps });
`;
