import { SetMetadata } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { z } from 'zod';

/** What a handler answers with. */
export interface Reply {
  schema: z.ZodType;
  /** Whether there is a reply for each of many. */
  isStream: boolean;
}

/** An event which the service emits. */
export interface EmittedEvent {
  pattern: string;
  schema: z.ZodType;
}

export const REPLY = Symbol('reply');
export const EMITTED_EVENT = Symbol('emitted event');

type Method<T> = (...data: never[]) => T;
type MethodDecoratorOf<M> = <T extends M>(
  target: object,
  key: string | symbol,
  method: TypedPropertyDescriptor<T>,
) => void;

/** Says what a handler answers with; the compiler holds the handler to it. */
export function Replies<S extends z.ZodType>(
  schema: S,
): MethodDecoratorOf<Method<z.input<S> | Promise<z.input<S>>>> {
  return SetMetadata<symbol, Reply>(REPLY, { schema, isStream: false });
}

/** The same of a handler with a stream of replies. */
export function Streams<S extends z.ZodType>(
  schema: S,
): MethodDecoratorOf<Method<Observable<z.input<S>>>> {
  return SetMetadata<symbol, Reply>(REPLY, { schema, isStream: true });
}

/** Says that a method emits an event. */
export function Emits(pattern: string, schema: z.ZodType) {
  const event: EmittedEvent = { pattern, schema };
  return SetMetadata(EMITTED_EVENT, event);
}
