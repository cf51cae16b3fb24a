/** Takes text as it comes and hands it on line by line; `end` hands on what has no end of line. */
export function printLines(print: (line: string) => void): {
  readonly write: (text: string) => void;
  readonly end: () => void;
} {
  let rest = '';
  return {
    write: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) print(line);
    },
    end: () => {
      if (rest !== '') print(rest);
      rest = '';
    },
  };
}
