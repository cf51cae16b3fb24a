import { isUtf8 } from 'node:buffer';

/**
 * Paths of a tree are bytes; ours are strings. A byte that is not part of valid UTF-8 becomes a lone surrogate
 * U+DC80…U+DCFF, as in Python's `surrogateescape`, so every path survives the way there and back unchanged.
 */

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** The string for the bytes of a path. */
export function decodePath(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let path = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const sequence = bytes.subarray(at, at + length);
    if (length > 0 && sequence.length === length && isUtf8(sequence)) {
      path += sequence.toString('utf8');
      at += length;
    } else {
      path += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    }
  }
  return path;
}

/** The bytes of a path; the inverse of {@link decodePath}. */
export function encodePath(path: string): Buffer {
  if (!LONE_SURROGATE.test(path)) return Buffer.from(path, 'utf8');
  const parts = Array.from(path, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character, 'utf8');
  });
  return Buffer.concat(parts);
}

/** Orders paths by code point. Comparing with `<` would order by UTF-16 unit and put U+1F600 before U+FF01. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === length) return a.length - b.length;
  return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
}

/** Bytes that a UTF-8 sequence with this first byte has, or 0 when none begins with it. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}
