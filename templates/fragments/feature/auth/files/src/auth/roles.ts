import { Reflector } from '@nestjs/core';

/** Which roles may call a route, or all routes of a controller: any of them. */
export const Roles = Reflector.createDecorator<string[]>();
