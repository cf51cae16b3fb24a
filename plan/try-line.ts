/**
 * What the `try:` lines of a commit message ask for, as `--tasks` would: labels, globs and `image:NAME`, separated by blanks or by commas
 * outside braces. undefined when there is no such line. A line begins with `try:`; what stands before it on the line makes it none.
 */
export function readTryLines(message: string): readonly string[] | undefined {
  const lines = message.split(/\r?\n/).flatMap((line) => /^try:(.*)$/i.exec(line)?.[1] ?? []);
  if (lines.length === 0) return undefined;
  return [...new Set(lines.flatMap(splitWords))];
}

function splitWords(line: string): string[] {
  const words = [''];
  let depth = 0;
  for (const character of line) {
    if (character === '{') depth += 1;
    if (character === '}') depth = Math.max(0, depth - 1);
    const isBetween = depth === 0 && /[\s,]/.test(character);
    if (isBetween) words.push('');
    else words[words.length - 1] += character;
  }
  return words.filter((word) => word !== '');
}
