import { describe, expect, it } from '@jest/globals';
import { tasksToRerun } from '../../../model/pure/rerun.ts';

const TASKS = [
  { label: 'a', dependencies: [] },
  { label: 'b', dependencies: ['a'] },
  { label: 'c', dependencies: ['b'] },
  { label: 'd', dependencies: [] },
];
const hasFailed = (label: string): boolean => label === 'b';

describe('what runs again', () => {
  it.each([
    ['the tasks that are named', { tasks: ['a', 'c'], downstream: false }, ['a', 'c']],
    ['with all that depends on them', { tasks: ['a'], downstream: true }, ['a', 'b', 'c']],
    ['whatever has not completed', { tasks: 'failed', downstream: false } as const, ['b']],
    ['the same with what depends on it', { tasks: 'failed', downstream: true } as const, ['b', 'c']],
    ['never what is not there', { tasks: ['x'], downstream: true }, []],
  ])('is %s', (_what, rerun, expected) => {
    expect(tasksToRerun(TASKS, hasFailed, rerun)).toEqual(expected);
  });
});
