import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { addressOf } from './address.js';

function address(forwarded: string | undefined, proxies: number) {
  const headers = { 'x-forwarded-for': forwarded };
  const socket = { remoteAddress: 'proxy' };
  return addressOf({ headers, socket } as unknown as IncomingMessage, proxies);
}

describe('addressOf', () => {
  it('is whoever has connected', () => {
    expect(address(undefined, 0)).toBe('proxy');
  });

  it('believes nobody who says he is another', () => {
    expect(address('made-up', 0)).toBe('proxy');
    expect(address('made-up, user', 1)).toBe('user');
  });

  it('is who came to the first of the proxies', () => {
    expect(address('made-up, user, outer', 2)).toBe('user');
  });

  it('is the farthest there is where proxies are missing', () => {
    expect(address(undefined, 2)).toBe('proxy');
    expect(address('user', 2)).toBe('user');
  });
});
