import { UnauthorizedException } from '@nestjs/common';
import jwt from 'jsonwebtoken';

/** How far the clocks of two services may differ, in seconds. */
const CLOCKS_DIFFER = 5;

const ALGORITHM = 'HS256';

export interface Claims {
  /** The service that speaks. */
  issuer: string;
  /** The service that is called, or the pattern of an event. */
  audience: string;
  /** How long it is good, in seconds. */
  seconds: number;
}

export function signToken(secret: string, claims: Claims): string {
  const { issuer, audience, seconds } = claims;
  const options = { issuer, audience, expiresIn: seconds };
  return jwt.sign({}, secret, { algorithm: ALGORITHM, ...options });
}

/**
 * Says who speaks, if one of `secrets` has signed the token, and it is meant
 * for one of `audiences`, each with the seconds that such a token may be good.
 */
export function verifyToken(
  token: string,
  secrets: readonly string[],
  audiences: ReadonlyMap<string, number>,
): string {
  const { iss, aud, iat, exp } = signedBy(secrets, token);
  const seconds = audiences.get(String(aud));
  if (seconds === undefined)
    throw new UnauthorizedException('the token is for another service');
  if (!iat || !exp || exp - iat > seconds)
    throw new UnauthorizedException('the token is good for too long');
  if (!iss)
    throw new UnauthorizedException('the token does not say whose it is');
  return iss;
}

function signedBy(secrets: readonly string[], token: string): jwt.JwtPayload {
  for (const secret of secrets) {
    try {
      const payload = jwt.verify(token, secret, {
        algorithms: [ALGORITHM],
        clockTolerance: CLOCKS_DIFFER,
      });
      if (typeof payload === 'object') return payload;
    } catch (error) {
      if (error instanceof jwt.TokenExpiredError)
        throw new UnauthorizedException('the token has expired');
    }
  }
  throw new UnauthorizedException('the token is not signed by our secret');
}
