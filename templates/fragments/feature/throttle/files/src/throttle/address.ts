import type { IncomingMessage } from 'node:http';

/**
 * Where a request comes from. Each proxy adds to `X-Forwarded-For` who came to
 * it; what stands before that can be made up by anybody, and is not believed.
 */
export function addressOf(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  proxies: number,
): string {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',');
  const before = forwarded.split(',').map((address) => address.trim());
  const all = [...before.filter(Boolean), socket.remoteAddress ?? ''];
  return all.at(-1 - proxies) ?? all[0]!;
}
