/** A word of a `try:` line, and where it stands in the message; lines and columns count from 1. */
export interface TryWord {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/**
 * What the `try:` lines of a commit message ask for, as `--tasks` would: labels, globs and `image:NAME`, separated by blanks or by commas
 * outside braces; each once, where it first stands. undefined when there is no such line. A line begins with `try:`; what stands before it
 * on the line makes it none.
 */
export function readTryLines(message: string): readonly TryWord[] | undefined {
  const lines = message.split(/\r?\n/).flatMap((text, index) => {
    const [, begin, rest] = /^(try:)(.*)$/i.exec(text) ?? [];
    return begin === undefined || rest === undefined ? [] : [{ rest, line: index + 1, from: begin.length }];
  });
  if (lines.length === 0) return undefined;
  const words = new Map<string, TryWord>();
  for (const { rest, line, from } of lines)
    for (const { text, at } of splitWords(rest))
      if (!words.has(text)) words.set(text, { text, line, column: from + at + 1 });
  return [...words.values()];
}

function splitWords(line: string): readonly { readonly text: string; readonly at: number }[] {
  const words: { text: string; at: number }[] = [];
  let word: { text: string; at: number } | undefined;
  let depth = 0;
  for (const [at, character] of [...line].entries()) {
    if (character === '{') depth += 1;
    if (character === '}') depth = Math.max(0, depth - 1);
    if (depth === 0 && /[\s,]/.test(character)) {
      word = undefined;
      continue;
    }
    if (!word) words.push((word = { text: '', at }));
    word.text += character;
  }
  return words;
}
