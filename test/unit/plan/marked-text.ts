const MARK = '‸';

export interface MarkedText {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** Takes the mark out of a text and tells where it stood: the place where a finding is expected. */
export function markedText(marked: string): MarkedText {
  const before = marked.split(MARK)[0] ?? '';
  if (before.length === marked.length) throw new Error(`No mark in: ${marked}`);
  const lines = before.split('\n');
  return {
    text: marked.replace(MARK, ''),
    line: lines.length,
    column: (lines.at(-1) ?? '').length + 1,
  };
}
