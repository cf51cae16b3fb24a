/** `MAX_ARG_STRLEN` of Linux, without the NUL at the end: with a longer argument or variable no program is started. */
export const MAX_ARGUMENT_BYTES = 131_071;

/** Bytes of an argument of a command, or of `NAME=value`, when they are more than a program can be given. */
export function tooManyBytes(argument: string): number | undefined {
  // No unit of a text has more than three.
  if (argument.length * 3 <= MAX_ARGUMENT_BYTES) return undefined;
  const bytes = Buffer.byteLength(argument);
  return bytes > MAX_ARGUMENT_BYTES ? bytes : undefined;
}
