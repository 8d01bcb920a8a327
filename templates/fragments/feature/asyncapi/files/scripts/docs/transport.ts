import type { Transport } from '@nestjs/microservices';
import type { Env } from '../../src/config/env.js';
import type { Json } from './schemas.js';

/** A message as it travels. */
export interface Message {
  payload: Json;
  headers?: Json;
  correlationId?: Json;
  bindings?: Json;
}

/** How Nest writes messages on a transport; `data` is a schema each time. */
export interface Wire {
  request(pattern: string, data: Json): Message;
  event(pattern: string, data: Json): Message;
  reply(data: Json): Message;
  failure(data: Json): Message;
}

/** Where replies go. */
export interface ReplyChannel {
  /** None where each request names another. */
  address: string | null;
  description: string;
}

/** What the document says of a transport. */
export interface DescribedTransport {
  id: Transport;
  name: string;
  /** Whether the service emits its events there. */
  emits: boolean;
  wire: Wire;
  server(env: Env): Json;
  reply(pattern: string): ReplyChannel;
  /** The bindings of the channel of a pattern. */
  channel?(pattern: string, env: Env): Json;
  /** The bindings of an operation. */
  operation?(action: 'receive' | 'send'): Json | undefined;
}

/** Where a URL leads to, without the login that it may hold. */
export function hostOf(url: string): string {
  return new URL(url).host;
}
