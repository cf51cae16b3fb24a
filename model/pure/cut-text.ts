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
