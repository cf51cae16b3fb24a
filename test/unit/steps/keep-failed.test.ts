import { describe, expect, it } from '@jest/globals';
import type { TaskReason } from '../../../model/pure/states.ts';
import { TASK_REASONS } from '../../../model/pure/states.ts';
import type { TaskInput } from '../../../model/pure/payloads.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { mayKeep, planKeeping } from '../../../steps/keep-failed.ts';

const FILE = `version: 1
tasks:
  plain: { image: debian }
  asks: { image: debian, features: { interactive: onFailure } }
  engine: { image: debian, features: { dind: true } }
`;

describe('a task is planned to be kept', () => {
  const tasks = Object.values(parseSlipwayYml(FILE).config?.tasks ?? {});
  const kept = (isHeld: boolean): readonly (readonly [string, number | undefined])[] =>
    planKeeping({ tasks } as unknown as Plan, { seconds: 60, isHeld }).tasks.map(
      ({ label, keepSeconds }) => [label, keepSeconds] as const,
    );

  it('where it asks for that', () =>
    expect(kept(false)).toEqual([
      ['plain', undefined],
      ['asks', 60],
      ['engine', undefined],
    ]));

  it('where its push asks for that, unless it has a private engine', () =>
    expect(kept(true)).toEqual([
      ['plain', 60],
      ['asks', 60],
      ['engine', undefined],
    ]));
});

describe('a run may be kept', () => {
  const task = { firstRun: 3, retries: 2 } as TaskInput;
  const reasons = Object.keys(TASK_REASONS) as TaskReason[];
  const kept = (run: number): readonly string[] => reasons.filter((reason) => mayKeep({ task, run, reason }));

  it('whose command failed, and no other', () =>
    expect(kept(3)).toEqual(['failed', 'max-run-time-exceeded', 'out-of-memory', 'artifact-missing']));

  it('whose exit code asks for another run, once there is none', () =>
    expect(kept(5)).toContain('intermittent-task'));
});
