import { describe, expect, it } from '@jest/globals';
import { artifactNameClashes, artifactNameMistake } from '../../../plan/artifact-names.ts';
import { ChangedPaths } from '../../../plan/changed-paths.ts';
import { createMatcher, globMistake } from '../../../plan/globs.ts';
import { neighbourHint, wordPlace } from '../../../plan/field-words.ts';
import { cycleText, orderGraph } from '../../../plan/graph.ts';
import { Nearest } from '../../../model/nearest.ts';
import { parseSizeBytes } from '../../../plan/sizes.ts';

describe('parseSizeBytes', () => {
  it.each([
    ['1024', 1024],
    ['512m', 512 * 2 ** 20],
    ['2g', 2 ** 31],
    ['2G', 2 ** 31],
    ['1.5g', 1.5 * 2 ** 30],
    ['2 GB', 2 ** 31],
    ['2GiB', 2 ** 31],
    ['10k', 10_240],
    ['1t', 2 ** 40],
    ['7b', 7],
  ])('reads %s as %d', (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it.each(['', 'g', '2 gigs', '-1', '1e9', '0x10', '1,5g', '1.g', '9999999t', '2g 3m'])(
    'finds no size in %j',
    (text) => expect(parseSizeBytes(text)).toBeUndefined(),
  );
});

describe('artifact names', () => {
  it.each(['a', 'public/build.tar', 'a b/ö.txt', '.hidden', 'a..b', 'public/logs/live.log.gz'])(
    'may be %j',
    (name) => expect(artifactNameMistake(name)).toBeUndefined(),
  );

  it.each([
    '',
    '/a',
    'a/',
    'a//b',
    '..',
    'a/../b',
    './a',
    'a\nb',
    'a\0',
    'x'.repeat(256),
    'x/'.repeat(300) + 'x',
    'public/logs/live.log',
  ])('may not be %j', (name) => expect(artifactNameMistake(name)).toBeDefined());

  it('of a million slashes cost nothing', () => {
    expect(artifactNameClashes(['a/'.repeat(1_000_000)])).toEqual([]);
  });

  it('clash when one is the directory of another, not when they begin alike', () => {
    expect(artifactNameClashes(['a/b', 'a/bc', 'a/b/c/d', 'public'])).toEqual([
      { directory: 'a/b', inside: 'a/b/c/d' },
      { directory: 'public', inside: 'public/logs/live.log' },
    ]);
  });
});

describe('globs', () => {
  it.each([
    ['src/**', 'src/a/b', true],
    ['src/*', 'src/a/b', false],
    ['*', '.hidden', true],
    ['*.{js,ts}', 'a.ts', true],
    ['a+(b)', 'abb', false],
  ])('%s against %s', (glob, text, expected) => expect(createMatcher(glob)(text)).toBe(expected));

  it.each([
    [['src/**', '!src/doc/**'], 'src/a', true],
    [['src/**', '!src/doc/**'], 'src/doc/a', false],
    [['src/**', '!src/doc/**'], 'README.md', false],
    [['!src/doc/**', 'src/**'], 'src/doc/a', false],
    [['!docs/**'], 'src/a', true],
    [['!docs/**'], 'docs/a', false],
    [[], 'a', false],
  ])('%j against %s', (globs, text, expected) =>
    expect(new ChangedPaths([text]).areAmong(globs)).toBe(expected),
  );

  it('are refused when nothing follows "!", or what follows is no pattern', () => {
    expect(globMistake('!')).toBe('has nothing after "!"');
    expect(globMistake('!release/*', 'refs')).toBeUndefined();
  });

  it('are refused when they are empty, too long, or have too many wildcards', () => {
    expect(globMistake('')).toBeDefined();
    expect(globMistake('a'.repeat(501))).toBeDefined();
    expect(globMistake('*a'.repeat(9))).toBeDefined();
    expect(globMistake('**/*a*/**')).toBeUndefined();
    expect(globMistake(`${'*a'.repeat(8)}/**`)).toBeUndefined();
  });

  it('are refused when nobody can tell soon what they match, else read as they are written', () => {
    for (const kind of ['paths', 'refs'] as const) {
      expect(globMistake(`${'{a,aa}'.repeat(80)}b`, kind)).toContain('when its braces are written out');
      expect(globMistake('v{1..3}', kind)).toContain('"{1..3}", which means nothing here');
      expect(globMistake('(a+)+b', kind)).toBeUndefined();
    }
    expect(createMatcher('app/(group)/**')('app/(group)/page.ts')).toBe(true);
    expect(createMatcher('(a+)+b')(`${'a'.repeat(2_000)}c`)).toBe(false);
  });
});

describe('words of other systems', () => {
  it.each([[[]], [['tasks', 'unit']], [['defaults']]])(
    'have services, which are not there, at %j',
    (path) => {
      expect(neighbourHint(wordPlace(path), 'services')).toBe(
        'there are no services: start it in the command, or as a container with "features: {dind: true}"',
      );
    },
  );
});

describe('orderGraph', () => {
  const order = (edges: Record<string, string[]>): ReturnType<typeof orderGraph> =>
    orderGraph(Object.keys(edges), (node) => edges[node] ?? []);

  it('puts targets first and otherwise keeps the order given', () => {
    expect(order({ c: ['a'], b: [], a: [], d: ['c', 'b'] })).toEqual({
      order: ['a', 'c', 'b', 'd'],
      cycles: [],
    });
  });

  it('ignores targets that are no nodes', () => {
    expect(order({ a: ['x'] })).toEqual({ order: ['a'], cycles: [] });
  });

  it('gives each cycle from its first node on', () => {
    expect(order({ x: ['c'], a: ['b'], b: ['c'], c: ['a'] }).cycles).toEqual([['a', 'b', 'c']]);
  });

  it('gives one cycle for nodes that share several', () => {
    expect(order({ a: ['b'], b: ['c', 'a'], c: ['a'] }).cycles).toEqual([['a', 'b', 'c']]);
  });

  it('takes a chain of 100,000 nodes', () => {
    const nodes = Array.from({ length: 100_000 }, (_, n) => String(n));

    expect(orderGraph(nodes, (node) => [String(Number(node) + 1)]).order[0]).toBe('99999');
  });

  it('names a long cycle by its ends', () => {
    const cycle = Array.from({ length: 100 }, (_, n) => `t${n}`);

    expect(cycleText(cycle)).toBe(
      't0 → t1 → t2 → t3 → t4 → t5 → t6 → t7 → t8 → t9 → t10 → (88 more) → t99 → t0',
    );
  });
});

describe('Nearest', () => {
  it.each([
    ['buidl', 'did you mean "build"?'],
    ['BUILD', 'did you mean "build"?'],
    ['entirely', 'known: build, lint'],
  ])('hints at %s', (word, hint) => expect(new Nearest().hint(word, new Set(['build', 'lint']))).toBe(hint));

  it.each([
    ['retires', 'retries'],
    ['requries', 'requires'],
    ['requires', undefined],
  ])('counts two letters changed over as one, and never gives the word itself: %s', (word, expected) =>
    expect(new Nearest().find(word, new Set(['requires', 'retries', word]))).toBe(expected),
  );

  it('stops comparing after a while, so that thousands of unknown names cost little', () => {
    const nearest = new Nearest();
    const known = new Set(Array.from({ length: 10_000 }, (_, n) => `task-${n}`));

    const hints = Array.from({ length: 100 }, () => nearest.find('task-', known));

    expect(hints[0]).toBeDefined();
    expect(hints.at(-1)).toBeUndefined();
  });
});
