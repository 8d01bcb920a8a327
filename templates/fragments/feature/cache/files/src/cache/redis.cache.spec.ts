import { Logger } from '@nestjs/common';
import { expect, it, vi } from 'vitest';
import type { Env } from '../config/env.js';
import { openCache } from './redis.cache.js';

it('holds nothing while Redis is away, and neither fails nor waits', async () => {
  const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
  const env = { REDIS_URL: 'redis://127.0.0.1:1', CACHE_TTL_MS: 1000 } as Env;
  const cache = openCache(env);

  await cache.set('key', 'value');
  await expect(cache.get('key')).resolves.toBeUndefined();
  await cache.delete('key');
  expect(warn).toHaveBeenCalledOnce();
  await cache.disconnect();
});
