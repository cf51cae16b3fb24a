import { LineCounter } from 'yaml';

/** Where the lines of a text begin. Counts by itself: the parser, given a counter, leaves lines out when it meets what it cannot read. */
export function countLines(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}
