import { describe, expect, it } from 'vitest';
import { readEnv } from './env.js';

describe('readEnv', () => {
  it('has a default for every setting that is not given', () => {
    expect(readEnv({})).toMatchObject({ HTTP_PORT: 3000, LOG_LEVEL: 'info' });
  });

  it('takes an empty variable for an unset one', () => {
    expect(readEnv({ HTTP_PORT: '' }).HTTP_PORT).toBe(3000);
  });

  it('names every wrong setting in one error', () => {
    expect(() => readEnv({ HTTP_PORT: 'web', LOG_LEVEL: 'loud' })).toThrow(
      /HTTP_PORT is wrong: .+\n.*LOG_LEVEL is wrong: /,
    );
  });
});
