import type { ExecutionContext } from '@nestjs/common';
import { links } from '../messaging/links.js';

/**
 * The headers of the message being handled, by names in lower case: unlike
 * HTTP, a transport leaves the case of a name as its sender wrote it.
 */
export function incomingHeaders(
  context: ExecutionContext,
): Record<string, unknown> {
  const message: unknown = context.switchToRpc().getContext();
  const headers = links
    .map((link) => link.headers(message))
    .find((found) => found !== undefined);
  const entries = Object.entries(headers ?? {});
  return Object.fromEntries(
    entries.map(([name, value]) => [name.toLowerCase(), value]),
  );
}
