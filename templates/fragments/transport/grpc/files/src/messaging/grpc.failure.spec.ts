import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../errors/failure.js';
import { fromGrpc } from './grpc.answer.js';
import { toGrpc } from './grpc.failure.js';

const failure = (code: string): Failure => ({
  status: 'error',
  code,
  message: 'no such item: Müller',
});

describe('toGrpc', () => {
  it.each([
    ['INVALID', 3],
    ['NOT_FOUND', 5],
    ['INTERNAL', 13],
    ['SOMETHING_ELSE', 13],
  ])('knows %s as %i', (code, number) => {
    const { message } = failure(code);
    expect(toGrpc(failure(code))).toMatchObject({
      code: number,
      details: message,
    });
  });
});

describe('fromGrpc', () => {
  const error = (code: status) =>
    ({ code, details: 'why', metadata: new Metadata() }) as ServiceError;

  it('gives what was answered as it was', () => {
    const answered = failure('NOT_FOUND');
    expect(fromGrpc(toGrpc(answered) as ServiceError)).toEqual(answered);
  });

  it('takes a status of another service for its answer', () => {
    const answer = { status: 'error', code: 'ABORTED', message: 'why' };
    expect(fromGrpc(error(status.ABORTED))).toEqual(answer);
  });

  it('gives the error where nobody has answered', () => {
    const unavailable = error(status.UNAVAILABLE);
    expect(fromGrpc(unavailable)).toBe(unavailable);
  });
});
