import type { IncomingMessage } from 'node:http';

/** These are about one connection, and there are two. */
export const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

export function headOf(
  { statusCode, statusMessage }: IncomingMessage,
  fields: readonly (readonly [string, string])[],
): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines}\r\n`;
}

export function withoutHops(rawHeaders: readonly string[]): string[] {
  return pairs(rawHeaders)
    .filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()))
    .flat();
}

/** Names and values of a head, as they came. */
export function pairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  return rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ''] as const] : [],
  );
}
