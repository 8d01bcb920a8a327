import { ServiceUnavailableException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { failureOf, httpStatusOf } from '../errors/failure.js';
import { RemoteFailure } from '../resilience/messaging-client.js';
import { overHttp } from './remote-failure.interceptor.js';

describe('overHttp', () => {
  it.each([
    ['NOT_FOUND', 404, 'NOT_FOUND'],
    ['CONFLICT', 409, 'CONFLICT'],
    ['INVALID', 400, 'INVALID'],
    ['HTTP_410', 410, 'GONE'],
    ['UNAUTHORIZED', 502, 'BAD_GATEWAY'],
    ['INTERNAL', 502, 'BAD_GATEWAY'],
    ['HTTP_500', 502, 'BAD_GATEWAY'],
    ['toString', 502, 'BAD_GATEWAY'],
    [undefined, 502, 'BAD_GATEWAY'],
  ])('answers the code %s with %i', (code, status, told) => {
    const answer = { status: 'error', code, message: 'why' };
    const exception = overHttp(new RemoteFailure(answer));
    expect(httpStatusOf(exception)).toBe(status);
    const message = status < 500 ? 'why' : 'internal error';
    expect(failureOf(exception)).toMatchObject({ code: told, message });
  });

  it('tells where a payload is invalid', () => {
    const issues = [{ path: 'name', message: 'too short' }];
    const exception = overHttp(new RemoteFailure({ code: 'INVALID', issues }));
    expect(failureOf(exception)).toMatchObject({ code: 'INVALID', issues });
  });

  it.each(['Internal server error', null, undefined])(
    'knows nothing of the answer %s',
    (answer) => {
      expect(httpStatusOf(overHttp(new RemoteFailure(answer)))).toBe(502);
    },
  );

  it('leaves alone that there was no answer', () => {
    const none = new ServiceUnavailableException();
    expect(overHttp(none)).toBe(none);
  });
});
