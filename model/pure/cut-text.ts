/** Of a text on its way through workflows: the log has all of it, and a server ends what carries too much. */
const DETAIL_MAX_LENGTH = 2_000;

/** A text, or where it is longer the beginning of it. */
export function cutText(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** The same of a reason for people that nothing else bounds. */
export function cutDetail(text: string): string {
  return cutText(text, DETAIL_MAX_LENGTH);
}

/** A text, or the beginning of it that takes about so many bytes as JSON: of a terminal's codes and the like it is shorter. */
export function cutAsJson(text: string, maxBytes: number): string {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    bytes += bytesOf(text.charCodeAt(at));
    if (bytes > maxBytes) return `${text.slice(0, at)}…`;
  }
  return text;
}

/** Of a unit of UTF-16 in UTF-8, with JSON's escapes. */
function bytesOf(unit: number): number {
  if (unit < 0x20) return 6;
  if (unit === 0x22 || unit === 0x5c) return 2;
  return unit < 0x80 ? 1 : 3;
}
