import { beforeEach, describe, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { RunRecord } from '../../../model/schema/records.ts';
import { localInputs } from '../../../steps/local-inputs.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

const PUSHED = `push/demo/1/${'a'.repeat(40)}`;
const HERE = `${PUSHED}~0123456789ab`;
const PLAN = { pushId: HERE } as Plan;
const FROM = { task: 'make', artifact: 'public/out' };

const artifact = (name: string) => ({ name, sizeBytes: 1, sha256: 'b'.repeat(64), contentType: 'x/y' });

describe('inputs of a run on this machine', () => {
  let store: Store;
  beforeEach(() => {
    store = emptyStore();
  });

  const record = (pushId: string, runs: readonly Partial<RunRecord>[]): Promise<void> =>
    recordRuns(store, { pushId, plannedAt: '2026-01-01T00:00:00.000Z' }, runs);
  const find = () =>
    localInputs(store, { pushes: [PUSHED], howToRun: (label) => `slipway run ${label}` })(PLAN, FROM);

  it('are those of a push of the revision, before those of a run here', async () => {
    await record(HERE, [{}]);
    await record(PUSHED, [{}]);

    expect(await find()).toMatchObject([{ taskId: taskIdIn(PUSHED, 'make'), run: 0 }]);
  });

  it('are those of the newest run here that has ended and left them', async () => {
    await record(PUSHED, [{ artifacts: [] }]);
    await record(HERE, [
      {},
      { state: 'failed', reason: 'failed' },
      { artifacts: [artifact('public/out-of-reach')] },
      { state: 'running' },
    ]);

    expect(await find()).toMatchObject([{ taskId: taskIdIn(HERE, 'make'), run: 1 }]);
  });

  it('are all files of a directory', async () => {
    const names = ['public/out/a', 'public/out/b/c', 'public/outer'];
    await record(HERE, [{ artifacts: names.map(artifact) }]);

    expect((await find()).map((file) => file.record.name)).toEqual(['public/out/a', 'public/out/b/c']);
  });

  it('are the log of a task of the push that ended without a run', async () => {
    const taskId = taskIdIn(PUSHED, 'make');
    await record(PUSHED, []);
    const ended = { state: 'exception', reason: 'deadline-exceeded' } as const;
    await store.tasks.change(taskId, (now) => ({ ...now!, ...ended }));
    const of = { pushes: [PUSHED], howToRun: () => 'nothing' };

    const [log] = await localInputs(store, of)(PLAN, { ...FROM, artifact: 'public/logs/live.log' });

    const text = Buffer.concat((await log?.open?.(new AbortController().signal).toArray()) ?? []).toString();
    expect(text).toContain('The task ended without a run: exception/deadline-exceeded\n');
  });

  it('are none where nobody has left an optional one', async () => {
    const of = { pushes: [PUSHED], howToRun: () => 'nothing' };
    await record(PUSHED, [{ artifacts: [] }]);

    expect(await localInputs(store, of)(PLAN, { ...FROM, optional: true })).toEqual([]);
  });

  it('are asked for by a sentence that says what to type, when nobody has left them', async () => {
    await expect(find()).rejects.toMatchObject({
      type: 'InputUnavailable',
      message: expect.stringContaining('Type first: slipway run make'),
    });
  });
});
