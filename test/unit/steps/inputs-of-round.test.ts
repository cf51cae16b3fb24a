import { beforeEach, describe, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { RunRecord } from '../../../model/schema/records.ts';
import { inputsOfRound } from '../../../steps/inputs-of-round.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

const PUSH = `push/demo/1/${'a'.repeat(40)}`;
const PLANNED_AT = '2026-01-01T00:00:00.000Z';
const PLAN = { pushId: PUSH, plannedAt: PLANNED_AT } as Plan;
const FROM = { task: 'make', artifact: 'public/out' };

describe('inputs from a dependency', () => {
  let store: Store;
  let recordsRead: number;
  beforeEach(() => {
    const objects = createMemoryObjectStore();
    recordsRead = 0;
    store = createStore({
      ...objects,
      get(key, signal) {
        if (key.endsWith('/status.json')) recordsRead += 1;
        return objects.get(key, signal);
      },
    });
  });

  const record = (runs: readonly Partial<RunRecord>[], plannedAt = PLANNED_AT): Promise<void> =>
    recordRuns(store, { pushId: PUSH, plannedAt }, runs);
  const find = () => inputsOfRound(store)(PLAN, FROM);

  it('are those of the newest run that has ended, also while another one goes on', async () => {
    await record([{}, {}, { state: 'running', artifacts: [] }]);

    expect(await find()).toMatchObject([{ taskId: taskIdIn(PUSH, 'make'), run: 1 }]);
  });

  it('are not there where that run left none, whatever an older one left, nor in another round', async () => {
    await record([{}, { artifacts: [] }]);
    await expect(find()).rejects.toThrow('has no artifact "public/out" in run 1');

    await record([{}], '2026-01-02T00:00:00.000Z');
    await expect(find()).rejects.toThrow('has no run to take "public/out" from');
  });

  it('are none where an optional one was not left', async () => {
    const findOptional = () => inputsOfRound(store)(PLAN, { ...FROM, optional: true });
    expect(await findOptional()).toEqual([]);

    await record([{}, { artifacts: [] }]);
    expect(await findOptional()).toEqual([]);

    await record([{}]);
    expect(await findOptional()).toMatchObject([{ taskId: taskIdIn(PUSH, 'make'), run: 0 }]);
  });

  it('are found by one look at the record of a task, however many one preparation takes from it', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `public/file${n}`);
    const artifacts = names.map((name) => ({
      name,
      sizeBytes: 1,
      sha256: 'b'.repeat(64),
      contentType: 'x/y',
    }));
    await record([{ artifacts }]);
    recordsRead = 0;
    const findInput = inputsOfRound(store);

    const found = await Promise.all(names.map((artifact) => findInput(PLAN, { task: 'make', artifact })));

    expect(found.flat().map((file) => file.record.name)).toEqual(names);
    expect(recordsRead).toBe(1);
  });

  it.each(['public/logs/live.log', 'public'])(
    'are by the name %s its log, also where it ended without a run, and not before its end',
    async (artifact) => {
      const log = () => inputsOfRound(store)(PLAN, { ...FROM, artifact });
      await record([]);
      await expect(log()).rejects.toThrow('has no run to take');
      const taskId = taskIdIn(PUSH, 'make');
      const ended = { state: 'exception', reason: 'canceled', resolved: PLANNED_AT } as const;
      await store.tasks.change(taskId, (now) => ({ ...now!, ...ended }));

      const files = await log();

      expect(files.map(({ record: { name } }) => name)).toEqual(['public/logs/live.log']);
      const text = Buffer.concat((await files[0]?.open?.(new AbortController().signal).toArray()) ?? []);
      expect(text.toString()).toContain('The task ended without a run: exception/canceled\n');
      expect(files[0]?.record.sizeBytes).toBe(text.byteLength);
    },
  );
});
