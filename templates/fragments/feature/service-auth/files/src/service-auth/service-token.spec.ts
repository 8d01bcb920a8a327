import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { signToken, verifyToken } from './service-token.js';

const secret = 'a'.repeat(32);
const claims = { issuer: 'shop', audience: 'stock', seconds: 60 };
const token = signToken(secret, claims);

const audiences = new Map([
  ['stock', 60],
  ['stock.taken', 3600],
]);

const verify = (given: string, secrets = [secret]) =>
  verifyToken(given, secrets, audiences);

describe('verifyToken', () => {
  it('says who speaks', () => {
    expect(verify(token)).toBe('shop');
  });

  it('takes a token of any of the secrets', () => {
    expect(verify(token, ['b'.repeat(32), secret])).toBe('shop');
    expect(() => verify(token, ['b'.repeat(32)])).toThrow('our secret');
  });

  it('allows each audience its own time', () => {
    const event = { ...claims, audience: 'stock.taken', seconds: 3600 };
    expect(verify(signToken(secret, event))).toBe('shop');
    const request = { ...claims, seconds: 3600 };
    expect(() => verify(signToken(secret, request))).toThrow('too long');
  });

  it('refuses a token that has expired, or is for another service', () => {
    const expired = signToken(secret, { ...claims, seconds: -60 });
    expect(() => verify(expired)).toThrow('has expired');
    const other = signToken(secret, { ...claims, audience: 'billing' });
    expect(() => verify(other)).toThrow('for another service');
  });

  it('refuses a token that was changed, or is none', () => {
    const [head, , signature] = token.split('.');
    const wanted = JSON.stringify({ iss: 'root', aud: 'stock' });
    const body = Buffer.from(wanted);
    const forged = [head, body.toString('base64url'), signature].join('.');
    expect(() => verify(forged)).toThrow('our secret');
    expect(() => verify('token')).toThrow('our secret');
  });

  it('refuses every other algorithm, and none', () => {
    const options = { issuer: 'shop', audience: 'stock', expiresIn: 60 };
    const none = jwt.sign({}, null, { algorithm: 'none', ...options });
    expect(() => verify(none)).toThrow('our secret');
    const other = jwt.sign({}, secret, { algorithm: 'HS512', ...options });
    expect(() => verify(other)).toThrow('our secret');
  });

  it('refuses a token that never expires, or says not whose it is', () => {
    const endless = { issuer: 'shop', audience: 'stock' };
    expect(() => verify(jwt.sign({}, secret, endless))).toThrow('too long');
    const nameless = { audience: 'stock', expiresIn: 60 };
    expect(() => verify(jwt.sign({}, secret, nameless))).toThrow('whose it is');
  });
});
