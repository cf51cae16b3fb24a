import { expect, it } from '@jest/globals';
import { checkStages } from '../../../images/check-stages.ts';
import type { Stage } from '../../../images/dockerfile.ts';

const MANY = 2_000;
const IMAGE = { imageName: 'x', parent: undefined, imageNames: new Set<string>(), mentionsParent: false };

it('What is looked at of a Dockerfile grows with it, and not with its square', () => {
  let looks = 0;
  const stages = Array.from({ length: MANY }, (_, at): Stage => ({
    name: undefined,
    column: 1,
    get line() {
      looks += 1;
      return 2 * at + 1;
    },
  }));
  // After each stage something is copied from one that does not come.
  const uses = stages.map((_, at) => ({
    line: 2 * at + 2,
    column: 1,
    reference: String(MANY + at),
    isStage: false,
  }));

  const remarks = checkStages(
    { bases: [], problems: [], usesParent: false, parentStages: [], uses, stages },
    IMAGE,
  );

  expect(looks).toBeLessThan(20 * MANY);
  expect(remarks.map(({ line, hint }) => [line, hint]).filter(([line]) => Number(line) <= 6)).toEqual([
    [2, 'there is none before'],
    [4, 'earlier ones have the numbers 0 to 0'],
    [6, 'earlier ones have the numbers 0 to 1'],
  ]);
  expect(remarks).toHaveLength(MANY);
});
