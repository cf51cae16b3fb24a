import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createListMatcher } from '../../../model/pure/pattern-lists.ts';
import { ChangedPaths } from '../../../plan/changed-paths.ts';
import { createMatcher, globMistake } from '../../../plan/globs.ts';

/** The plain way: every path against every glob. */
const among = (paths: readonly string[], globs: readonly string[]): boolean =>
  paths.some(createListMatcher(globs, createMatcher));

describe('ChangedPaths', () => {
  it.each([
    [['a/**'], 'a', true],
    [['a/{b,**}'], 'a', true],
    [['./a/**'], 'a', true],
    [['./a'], 'a', true],
    [['./a'], './a', true],
    [['.{/a,b}'], 'a', true],
    [['.\\/a'], 'a', true],
    [['{,x}./a'], 'a', true],
    [['pages/[id].ts'], 'pages/[id].ts', true],
    [['**/a.ts'], 'a.ts', true],
    [['**.ts'], 'b/a.ts', true],
    [['a/*'], 'a', false],
    [['ab/**'], 'a', false],
    [['a/**'], 'ab', false],
    [['**', '!a/**'], 'a', false],
    [['!a/**'], 'b', true],
    [[], 'a', false],
  ])('knows whether one is among %j: %s %s', (globs, path, expected) => {
    expect(among([path], globs)).toBe(expected);
    expect(new ChangedPaths([path]).areAmong(globs)).toBe(expected);
    const [more, wider] = [
      ['0', path, 'zz'],
      [...globs, '!0', '!zz'],
    ];
    expect(new ChangedPaths(more).areAmong(wider)).toBe(among(more, wider));
  });

  it('says of every list of globs what every path held against every glob says', async () => {
    const pieces = [
      'a',
      'b',
      '.',
      './',
      '/',
      '*',
      '**',
      '/**',
      '**/',
      '?',
      '[ab]',
      '[!a',
      ']',
      '{',
      ',',
      '}',
    ];
    const glob = fc
      .array(fc.constantFrom(...pieces, '.ts', '\\', '\\/', 'a/', '{a,b}', '!'), {
        minLength: 1,
        maxLength: 6,
      })
      .map((parts) => parts.join(''))
      .filter((text) => globMistake(text) === undefined);
    const path = fc
      .array(fc.constantFrom('a', 'b', '.', '/', '.ts', 'a/', '[', '{', '!', '\\'), {
        minLength: 1,
        maxLength: 5,
      })
      .map((parts) => parts.join(''));
    const lists = fc.array(fc.array(glob, { maxLength: 3 }), { minLength: 5, maxLength: 5 });

    await fc.assert(
      fc.asyncProperty(fc.array(path, { maxLength: 8 }), lists, async (paths, asked) => {
        // A glob names itself, which few others match.
        const all = [...paths, ...asked.flat().slice(0, 2)];
        const expected = asked.map((globs) => among(all, globs));
        const ahead = new ChangedPaths(all);
        await ahead.lookAhead(asked);
        const changed = new ChangedPaths(all);
        expect(asked.map((globs) => changed.areAmong(globs))).toEqual(expected);
        expect(asked.map((globs) => ahead.areAmong(globs))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  describe('of 100,000', () => {
    const paths = Array.from({ length: 100_000 }, (_, at) => `packages/p${at % 1_000}/src/f${at}.ts`);
    const lists = Array.from({ length: 300 }, (_, at) => [
      `apps/a${at}/**`,
      `packages/p${at}/test/**`,
      `packages/p${at}/{docs,man}/**/*.md`,
      `**/*.x${at % 10}`,
      '!**/*.generated.ts',
    ]);

    it('holds few against the globs of 300 lists', () => {
      let tries = 0;
      const changed = new ChangedPaths(paths, (glob) => {
        const matches = createMatcher(glob);
        return (path) => {
          tries += 1;
          return matches(path);
        };
      });

      expect(lists.filter((globs) => changed.areAmong(globs))).toEqual([]);
      expect(tries).toBe(0);
      expect(changed.areAmong(['packages/p7/*/f7.ts', '!**/src/*.md'])).toBe(true);
      expect(tries).toBe(1);
    });

    it('lets others have their turns while it looks ahead, and looks for nothing twice', async () => {
      const changed = new ChangedPaths(paths);
      let isOver = false;
      let turns = 0;
      const others = (async () => {
        for (; !isOver; turns += 1) await turn();
      })();

      await changed.lookAhead(lists);
      const during = turns;
      await changed.lookAhead(lists);
      isOver = true;
      await others;

      expect(during).toBeGreaterThan(1_000);
      expect(turns - during).toBeLessThan(10);
    });
  });
});
