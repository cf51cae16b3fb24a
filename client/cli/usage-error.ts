/** Thrown when a verb is used in a way that it does not understand; the message says what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
