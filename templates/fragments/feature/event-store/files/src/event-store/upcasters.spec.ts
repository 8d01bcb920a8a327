import { afterEach, describe, expect, it } from 'vitest';
import { upcast, upcasters } from './upcasters.js';

describe('upcast', () => {
  const old = {
    id: '1',
    type: 'named',
    version: 1,
    occurredAt: '2026-01-01T00:00:00.000Z',
    correlationId: null,
    causationId: null,
    data: 'first',
  };

  afterEach(() => upcasters.clear());

  it('leaves an event as it is that has no newer form', () => {
    expect(upcast(old)).toEqual(old);
  });

  it('goes on until there is no newer form', () => {
    upcasters.set('named', ({ data }) => ({
      type: 'named.v2',
      data: { name: data },
    }));
    upcasters.set('named.v2', ({ data }) => ({
      type: 'named.v3',
      data: { ...(data as object), by: 'nobody' },
    }));
    const data = { name: 'first', by: 'nobody' };
    expect(upcast(old)).toEqual({ ...old, type: 'named.v3', data });
  });

  it('does not go round in circles', () => {
    upcasters.set('named', () => ({ type: 'called', data: null }));
    upcasters.set('called', () => ({ type: 'named', data: null }));
    expect(() => upcast(old)).toThrow('lead back');
  });
});
