/** What is said to who asks for a new round of a push that is ending. */
export function stillEnding(push: string): string {
  return `${push} is still ending; a new round begins after that`;
}
