import { describe, expect, it } from '@jest/globals';
import { readTryLines } from '../../../plan/try-line.ts';

describe('try lines', () => {
  it.each([
    ['names and globs', 'Mend it\n\ntry: unit lint/* image:lint\n', ['unit', 'lint/*', 'image:lint']],
    ['commas, but not those in braces', 'try: a,b {c,d}/e', ['a', 'b', '{c,d}/e']],
    ['several lines, and each word once', 'try: a b\r\nTry: b c\r\n', ['a', 'b', 'c']],
    ['nothing', 'try:', []],
  ])('take %s', (_what, message, expected) => {
    expect(readTryLines(message)?.map(({ text }) => text)).toEqual(expected);
  });

  it('say where each word stands', () => {
    expect(readTryLines('Mend it\n\ntry: a,\tb\r\nTry:{c, d}/e b')).toEqual([
      { text: 'a', line: 3, column: 6 },
      { text: 'b', line: 3, column: 9 },
      { text: '{c, d}/e', line: 4, column: 5 },
    ]);
  });

  it.each(['Mend it', 'We try: unit', 'retry: unit', ' try: unit', ''])('are none: %j', (message) => {
    expect(readTryLines(message)).toBeUndefined();
  });
});
