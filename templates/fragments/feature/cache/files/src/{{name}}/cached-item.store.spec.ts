import { randomUUID } from 'node:crypto';
import { Keyv } from 'keyv';
import {
  beforeEach,
  describe,
  expect,
  it,
  type MockInstance,
  vi,
} from 'vitest';
import { CachedItemStore } from './cached-item.store.js';
import { MemoryItemStore } from './item.store.js';

const TTL_MS = 1000;

describe('CachedItemStore', () => {
  const item = { id: randomUUID(), name: 'first', createdAt: 'today' };
  let store: MemoryItemStore;
  let cached: CachedItemStore;
  let find: MockInstance<MemoryItemStore['find']>;

  beforeEach(async () => {
    vi.useFakeTimers();
    store = new MemoryItemStore();
    cached = new CachedItemStore(store, new Keyv({ ttl: TTL_MS }));
    await cached.put(item);
    find = vi.spyOn(store, 'find');
  });

  it('asks the store once for as long as the cache keeps an item', async () => {
    await expect(cached.find(item.id)).resolves.toEqual(item);
    vi.advanceTimersByTime(TTL_MS);
    await expect(cached.find(item.id)).resolves.toEqual(item);
    expect(find).toHaveBeenCalledOnce();

    vi.advanceTimersByTime(1);
    await expect(cached.find(item.id)).resolves.toEqual(item);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('asks again once an item has changed', async () => {
    await cached.find(item.id);
    const changed = { ...item, name: 'second' };
    await cached.put(changed);
    await expect(cached.find(item.id)).resolves.toEqual(changed);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('does not remember that there was no item', async () => {
    const other = { ...item, id: randomUUID() };
    await expect(cached.find(other.id)).resolves.toBeUndefined();
    await store.put(other);
    await expect(cached.find(other.id)).resolves.toEqual(other);
  });
});
