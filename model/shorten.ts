import { cutText } from './pure/cut-text.ts';

/** A text that fits into a message, on one line. */
export function shorten(text: string, maxLength = 60): string {
  return cutText(text.replaceAll('\n', '\\n'), maxLength);
}
