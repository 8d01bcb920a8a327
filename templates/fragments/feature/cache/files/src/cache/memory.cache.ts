import { createKeyv } from '@cacheable/memory';
import type { Keyv } from 'keyv';
import type { Env } from '../config/env.js';

/** A cache of this process alone, which forgets first what was used least. */
export function openCache(env: Env): Keyv {
  return createKeyv({ ttl: env.CACHE_TTL_MS, lruSize: env.CACHE_MAX_ITEMS });
}
