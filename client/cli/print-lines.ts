/** Takes text as it comes and hands it on line by line; `end` hands on what has no end of line. */
export function printLines(print: (line: string) => void): {
  readonly write: (text: string) => void;
  readonly end: () => void;
} {
  // Of a line without an end yet. In parts: joined with each, a long one would be copied again and again.
  let parts: string[] = [];
  const printLine = (): void => {
    print(parts.join(''));
    parts = [];
  };
  return {
    write: (text) => {
      const [first = '', ...others] = text.split('\n');
      parts.push(first);
      for (const next of others) {
        printLine();
        parts.push(next);
      }
    },
    end: () => {
      if (parts.some((part) => part !== '')) printLine();
      parts = [];
    },
  };
}
