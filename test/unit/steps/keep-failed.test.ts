import { describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { TaskReason } from '../../../model/pure/states.ts';
import { TASK_REASONS } from '../../../model/pure/states.ts';
import type { TaskInput } from '../../../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { heldFor, keepUntil, mayKeep, planKeeping } from '../../../steps/keep-failed.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';

const taskId = taskIdIn(`push/demo/1/${'a'.repeat(40)}`, 't');

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

  it('in vain where it has a private engine, and its log says so in the end', async () => {
    const [plain, , held] = planKeeping({ tasks } as unknown as Plan, { seconds: 60, isHeld: true }).tasks;
    const rerun = heldFor({ ...tasks[2]!, why: '' }, 60);
    const said = await Promise.all([plain, held, rerun].map((planned) => saidOf(planned!)));

    const word = 'Its container is not kept: it has an engine of its own, which goes with it';
    expect(said).toEqual(['', expect.stringContaining(word), expect.stringContaining(word)]);
  });

  /** What the log says of one that has failed. */
  async function saidOf(planned: PlannedTask): Promise<string> {
    const { logs } = createStore(createMemoryObjectStore());
    const log = await RunLog.open(logs, taskId, 0);
    const { signal } = new AbortController();
    const ended = { container: 'c', planned, exitCode: 1, log, signal };
    const until = await keepUntil({} as Engine, ended);
    expect(until === undefined).toBe(planned.dind === true);
    await log.flush();
    return (await (await logs.read(taskId, 0)).toArray()).join('');
  }
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
