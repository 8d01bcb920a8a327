import { describe, expect, it } from 'vitest';
import {
  acceptCorrelationId,
  correlationId,
  runWithCorrelationId,
} from './request-context.js';

describe('acceptCorrelationId', () => {
  it('takes over an id which is safe to log', () => {
    expect(acceptCorrelationId('web-1:a.b_c')).toBe('web-1:a.b_c');
  });

  it.each([undefined, '', 'a b', 'a\nb', 'a'.repeat(129), ['a']])(
    'makes an id in place of %j',
    (given) => {
      expect(acceptCorrelationId(given)).toMatch(/^[\da-f-]{36}$/);
    },
  );
});

describe('correlationId', () => {
  it('is that of the work being done', async () => {
    const later = () => Promise.resolve().then(correlationId);
    await expect(runWithCorrelationId('one', later)).resolves.toBe('one');
    expect(correlationId()).toBeUndefined();
  });
});
