import { isUtf8 } from 'node:buffer';

/** The text of these bytes, or undefined where they are no UTF-8: another encoding would be read as something else. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** What a finding says of a file whose bytes are no text. */
export function notUtf8(what: string): { readonly message: string; readonly hint: string } {
  return { message: `${what} is not UTF-8`, hint: 'save it as UTF-8' };
}
