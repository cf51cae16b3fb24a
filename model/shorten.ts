/** A text that fits into a message, on one line. */
export function shorten(text: string, maxLength = 60): string {
  const line = text.replaceAll('\n', '\\n');
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
}
