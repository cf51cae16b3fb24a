import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { createGlobMatcher } from '../../../model/pure/glob-matcher.ts';

const matches = (glob: string, text: string): boolean => createGlobMatcher(glob)(text);

describe('createGlobMatcher', () => {
  it.each([
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a*', 'a', true],
    ['a*', 'a/b', false],
    ['**', 'a/b/c', true],
    ['**/c', 'c', true],
    ['**/c', 'a/b/c', true],
    ['**/c', 'a/bc', false],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**/b*/**/c', 'a/b/b/x/b1/c/c', true],
    ['a/**/b*/**/c', 'a/b/b/x/b1/c/d', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'a', true],
    ['a/**/**', 'a', true],
    ['a/**', 'ab', false],
    ['*/**', 'a', false],
    ['*/**', 'a/b', true],
    ['a**b', 'axb', true],
    ['a**b', 'a/b', false],
    ['**.js', 'a/b.js', true],
    ['**.min.js', 'b.min.js', true],
    ['**.{js,ts}', 'a/b.ts', true],
    ['a/**.js', 'a/b/c.js', false],
    ['./a', 'a', true],
    ['[a-c]', 'b', true],
    ['[^a-c]', 'd', true],
    ['[^a-c]', 'b', false],
    ['[!a-c]', 'd', true],
    ['[!a-c]', 'b', false],
    ['[!]', '[!]', true],
    ['[]a]', ']', true],
    ['[a-]', '-', true],
    ['[z-a]', 'm', false],
    ['a[/]b', 'a/b', false],
    ['a[/]b', 'a[/]b', true],
    ['{a,b}/{c,d}', 'b/c', true],
    ['{a,b}/{c,d}', 'c/b', false],
    ['{a/**,b}/c', 'a/x/c', true],
    ['{a,{b,c}d}', 'cd', true],
    ['{a,{b}', '{a,{b}', true],
    ['{a,{b,c}', '{a,b', true],
    ['{,a}b', 'b', true],
    ['[{,}]', ',', true],
  ])('%s against %s: %s', (glob, text, expected) => expect(matches(glob, text)).toBe(expected));

  it.each(['(a+)', 'a|b', '@(a)', 'a$', '^a', '"a"', 'a{b}', 'a}', '[', 'a[]', '+(a)', '!(a)'])(
    'takes %s as it is',
    (name) => {
      expect(matches(name, name)).toBe(true);
      expect(matches(`${name}/*`, `${name}/x`)).toBe(true);
      expect(matches(name, 'a')).toBe(false);
    },
  );

  it('takes what follows a backslash as it is', () => {
    for (const special of ['*', '?', '[a]', '{a,b}', '\\', '!']) {
      const glob = `x${special.replaceAll(/[^ab]/g, '\\$&')}`;
      expect(matches(glob, `x${special}`)).toBe(true);
      expect(matches(glob, 'xa')).toBe(false);
    }
  });

  it('takes brackets as they are too, where a name has them', () => {
    expect(matches('pages/[id]/*', 'pages/[id]/a.ts')).toBe(true);
    expect(matches('pages/[...slug].ts', 'pages/[...slug].ts')).toBe(true);
    expect(matches('[Rr]eadme/[id]', 'readme/[id]')).toBe(true);
  });

  it.each([
    ['(a+)+b', `${'a'.repeat(2_000)}c`],
    ['*a*a*a*a*a*a*a*b', 'a'.repeat(4_000)],
    ['**/a/**/a/**/a/**/a/**/a/**/b', 'a/'.repeat(2_000)],
    [`*${'a'.repeat(400)}b`, 'a'.repeat(4_000)],
    [`${'{a,b}'.repeat(8)}c`, `${'a'.repeat(4_000)}`],
    ['**/*a*/**/*a*/**/b', 'aaaa/'.repeat(1_000)],
  ])('says soon that %s does not match', (glob, text) => {
    const isMatch = createGlobMatcher(glob);

    for (let time = 0; time < 10; time++) expect(isMatch(text)).toBe(false);
  });

  it('refuses braces that stand for too much', () => {
    const message = 'has more than 10000 characters when its braces are written out: make it several';
    for (const glob of [`${'{a,aa}'.repeat(80)}b`, '{,}'.repeat(150), '{a,b}'.repeat(10)])
      expect(() => createGlobMatcher(glob)).toThrow(new RangeError(message));
    const names = Array.from({ length: 60 }, (_, at) => `name-${at}`);
    expect(matches(`src/{${names.join(',')}}/**`, 'src/name-59/a')).toBe(true);
    const lists = [10, 5, 5].map((length) => `{${names.slice(0, length).join(',')}}`);
    expect(matches(lists.join('/**/'), 'name-9/x/name-4/name-0')).toBe(true);
  });

  it.each(['{1..3}', 'a/v{1..3}b', '[[:digit:]]*', '(try|wip)*', 'src/(a|b/c)/**'])(
    'refuses %s, which it would take for something else',
    (glob) => expect(() => createGlobMatcher(glob)).toThrow(/which means nothing here: write it out$/),
  );

  it('says of every plain glob what picomatch says', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '.a',
      '*',
      '?',
      '[ab]',
      '[^a]',
      '[a-c]',
      '{a,bc}',
      'a{,*b}',
      '{?,b.}',
    );
    const name = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    const glob = fc
      .array(fc.oneof({ weight: 3, arbitrary: name }, fc.constant('**')), { minLength: 1, maxLength: 4 })
      .map((names) => names.join('/'))
      // There picomatch lets what is no name of its own cross "/".
      .filter((text) => !/\*\*\{|^\*\*\.[^/]*\{|(\{.*){6}|\*{3}/.test(text));
    const word = fc.array(fc.constantFrom('a', 'b', 'c', '.'), { minLength: 1, maxLength: 3 });
    const text = fc
      .array(
        word.map((characters) => characters.join('')).filter((characters) => !/^\.\.?$/.test(characters)),
        { minLength: 1, maxLength: 4 },
      )
      .map((names) => names.join('/'));

    fc.assert(
      fc.property(glob, fc.array(text, { minLength: 10, maxLength: 10 }), (pattern, texts) => {
        const expected = picomatch(pattern, { dot: true, noext: true, nonegate: true });
        const isMatch = createGlobMatcher(pattern);
        expect(texts.map((one) => isMatch(one))).toEqual(texts.map((one) => expected(one)));
      }),
      { numRuns: 1_000 },
    );
  });
});
