/** The message of an error with those of its causes that add something. */
export function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || ('code' in error ? String(error.code) : error.name);
  if (error.cause === undefined) return own;
  const cause = withCauses(error.cause);
  return own.includes(cause) ? own : `${own}: ${cause}`;
}
