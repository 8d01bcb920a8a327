import { NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { failureOf, InvalidPayload } from './failure.js';

describe('failureOf', () => {
  it('names an HTTP exception by its status', () => {
    expect(failureOf(new NotFoundException('no such item'))).toEqual({
      status: 'error',
      code: 'NOT_FOUND',
      message: 'no such item',
    });
  });

  it('tells where a payload is invalid', () => {
    const issues = [{ path: 'name', message: 'too short' }];
    expect(failureOf(new InvalidPayload(issues))).toEqual({
      status: 'error',
      code: 'INVALID',
      message: 'the payload is invalid',
      issues,
    });
  });

  it('tells nothing of what went wrong inside', () => {
    expect(failureOf(new Error('password=hunter2'))).toEqual({
      status: 'error',
      code: 'INTERNAL',
      message: 'internal error',
    });
  });

  it('keeps the code, not the words, of a failure further down', () => {
    const failure = failureOf(new ServiceUnavailableException('10.0.0.7'));
    expect(failure).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(failure.message).not.toContain('10.0.0.7');
  });
});
