import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readEnv } from './env.js';

const example = parseEnv(readFileSync('.env.example', 'utf8'));

describe('readEnv', () => {
  it('takes the example as it is', () => {
    expect(readEnv(example)).toMatchObject({ HTTP_PORT: 3000 });
  });

  it('takes an empty variable for an unset one', () => {
    expect(readEnv({ ...example, HTTP_PORT: '' }).HTTP_PORT).toBe(3000);
  });

  it('names every wrong setting in one error', () => {
    const wrong = { ...example, HTTP_PORT: 'web', LOG_LEVEL: 'loud' };
    expect(() => readEnv(wrong)).toThrow(
      /HTTP_PORT is wrong: .+\n.*LOG_LEVEL is wrong: /,
    );
  });
});
