import { describe, expect, it } from '@jest/globals';
import { createRefMatcher, fullRef, isOneRef, refPatternMistake } from '../../../model/pure/ref-patterns.ts';

describe('createRefMatcher', () => {
  it.each([
    ['*', 'refs/heads/a/b', true],
    ['*', 'refs/tags/v1', true],
    ['main', 'refs/heads/main', true],
    ['main', 'main', true],
    ['main', 'refs/heads/mainly', false],
    ['main', 'refs/tags/main', false],
    ['*/main', 'refs/heads/main', false],
    ['refs/*', 'refs/heads/main', true],
    ['refs/heads/main', 'main', true],
    ['refs/tags/**', 'refs/tags/v/1', true],
    ['release/*', 'refs/heads/release/1/2', true],
    ['release/*', 'refs/heads/release', false],
    ['release/**', 'refs/heads/release', false],
    ['*.*', 'refs/heads/a.b/c', true],
    ['v?', 'refs/heads/v1', true],
    ['v[0-9]*', 'refs/heads/v2.1', true],
    ['v[^0-9]', 'refs/heads/v2', false],
    ['{main,release/*}', 'refs/heads/release/1', true],
    ['refs/tags/{v,x}*', 'refs/tags/v1', true],
    ['{a,{b,c}}d', 'refs/heads/cd', true],
    ['{main}', 'refs/heads/{main}', true],
    ['a(b)+', 'refs/heads/a(b)+', true],
    ['[', 'refs/heads/[', true],
  ])('%s against %s: %s', (pattern, ref, expected) =>
    expect(createRefMatcher([pattern])(ref)).toBe(expected),
  );
});

describe('a pattern of refs', () => {
  it('is soon known not to match', () => {
    expect(createRefMatcher(['*a*a*a*a*a*a*a*b'])('a/'.repeat(500))).toBe(false);
    expect(createRefMatcher(['(a+)+b'])(`${'a'.repeat(500)}c`)).toBe(false);
  });
});

describe('refPatternMistake', () => {
  it('finds one where there is nothing', () => expect(refPatternMistake('')).toBeDefined());

  it.each(['*', '[z-a]', '{a', 'a}', '{,a}'])('finds none in %j', (pattern) =>
    expect(refPatternMistake(pattern)).toBeUndefined(),
  );
});

describe('isOneRef', () => {
  it.each([
    ['main', true],
    ['refs/heads/release/1.0', true],
    ['release/*', false],
    ['{main,next}', false],
    ['v[0-9]', false],
  ])('says of %s: %s', (pattern, expected) => expect(isOneRef(pattern)).toBe(expected));
});

describe('fullRef', () => {
  it.each([
    ['main', 'refs/heads/main'],
    ['refs/heads/main', 'refs/heads/main'],
    ['refs/tags/v1', 'refs/tags/v1'],
  ])('of %s is %s', (ref, expected) => expect(fullRef(ref)).toBe(expected));
});
