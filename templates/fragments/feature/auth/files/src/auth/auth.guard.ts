import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AccessTokens, type User } from './access-tokens.js';
import { OPEN } from './open.js';
import { Roles } from './roles.js';

/** A request of somebody who is known. */
export interface UserRequest extends IncomingMessage {
  user: User;
}

/** Lets in over HTTP who bears a token, to all that is not open. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    if (OPEN.has(context.getClass())) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<UserRequest>();
    try {
      request.user = await this.tokens.verify(bearer(request));
    } catch (error) {
      const response = http.getResponse<ServerResponse>();
      if (error instanceof UnauthorizedException)
        response.setHeader('WWW-Authenticate', 'Bearer');
      throw error;
    }
    const roles = this.rolesOf(context);
    if (roles.length > 0 && !roles.some((role) => has(request.user, role)))
      throw new ForbiddenException(`this takes the role ${roles.join(' or ')}`);
    return true;
  }

  private rolesOf(context: ExecutionContext): string[] {
    const places = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride(Roles, places) ?? [];
  }
}

function has({ roles }: User, role: string): boolean {
  return roles.includes(role);
}

function bearer({ headers, url = '' }: IncomingMessage): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (token) return token;
  // An address is logged on its way, and remembered by browsers.
  throw new UnauthorizedException(
    /[?&](access_)?token=/.test(url)
      ? 'the token belongs in the header Authorization, not in the address'
      : 'a token is missing: Authorization: Bearer <token>',
  );
}
