import { CORRELATION_ID } from '../../src/context/request-context.js';
import type { Json } from './schemas.js';
import type { Message, Wire } from './transport.js';

interface Differences {
  /** Whether headers travel inside of the packet, as its `metadata`. */
  metadata: boolean;
  /** Whether a reply repeats the id of its request. */
  replyId: boolean;
}

const HEADERS = { $ref: '#/components/schemas/Headers' };

const ID = {
  type: 'string',
  description: 'Chosen by who asks. Without it the packet is an event.',
};

const SAME_ID = { type: 'string', description: 'That of the request.' };

const DISPOSED = {
  type: 'boolean',
  description: 'Whether this is the last reply. It may come without one.',
};

/** The packets which Nest makes of messages. */
export function packets({ metadata, replyId }: Differences): Wire {
  const id = replyId ? { id: SAME_ID } : {};
  const sent = (properties: Json): Message =>
    metadata
      ? {
          payload: packet({ ...properties, metadata: HEADERS }, 'metadata'),
          correlationId: correlation('payload#/metadata'),
        }
      : {
          headers: HEADERS,
          payload: packet(properties),
          correlationId: correlation('header#'),
        };
  return {
    request: (pattern, data) =>
      sent({ pattern: { const: written(pattern) }, data, id: ID }),
    event: (pattern, data) => sent({ pattern: { const: pattern }, data }),
    reply: (response) => ({
      payload: packet(
        { response, isDisposed: DISPOSED, ...id },
        'response',
        'isDisposed',
      ),
    }),
    failure: (err) => ({
      payload: packet({ err, isDisposed: { const: true }, ...id }),
    }),
  };
}

/** A pattern as it stands in a request: whole, if it is an object. */
function written(pattern: string): unknown {
  return pattern.startsWith('{') ? JSON.parse(pattern) : pattern;
}

/** Where the id is that goes from service to service. */
export function correlation(within: string): Json {
  return { location: `$message.${within}/${CORRELATION_ID}` };
}

function packet(properties: Json, ...optional: string[]): Json {
  const required = Object.keys(properties).filter(
    (key) => !optional.includes(key),
  );
  return { type: 'object', properties, required };
}
