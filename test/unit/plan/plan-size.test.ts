import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_PLAN_CHARACTERS, countCharacters, planSizeMistake } from '../../../plan/plan-size.ts';

describe('countCharacters', () => {
  it('says how long the JSON of a value is', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        const value: unknown = JSON.parse(text);
        expect(countCharacters(value)).toBe(JSON.stringify(value).length);
      }),
    );
  });

  it('leaves out what has no value', () => {
    expect(countCharacters({ a: undefined, b: [] })).toBe('{"b":[]}'.length);
  });

  it('looks at no more than it takes to know that it is too much', () => {
    let looks = 0;
    const task = {
      get env() {
        looks += 1;
        return 'x'.repeat(100);
      },
    };

    expect(
      countCharacters(
        Array.from({ length: 10_000 }, () => task),
        1_000,
      ),
    ).toBeGreaterThan(1_000);
    expect(looks).toBeLessThan(11);
  });
});

describe('the size of a plan', () => {
  it('may be the most, and not one character more', () => {
    const most = 'x'.repeat(MAX_PLAN_CHARACTERS - 2);

    expect(planSizeMistake(most)).toBeUndefined();
    expect(planSizeMistake(`${most}x`)?.message).toContain('more than 64000000 characters');
  });
});
