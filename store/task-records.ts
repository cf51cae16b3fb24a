import { parseId } from '../model/pure/ids.ts';
import type { RunRecord, TaskRecord } from '../model/schema/records.ts';
import { claimSchema, taskRecordSchema } from '../model/schema/records.ts';
import { changeJson, createJson, DamagedRecord, readJson } from './json-object.ts';
import { runKey, runsPrefix, taskKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { TaskRecords } from './store.ts';

/** `level-<L>/tasks/<key>/status.json` and the claims of the runs. */
export function createTaskRecords(objects: ObjectStore): TaskRecords {
  const find = async (taskId: string): Promise<TaskRecord | undefined> =>
    (await readJson(objects, statusKey(taskId), taskRecordSchema))?.value;
  return {
    find,
    async findUsable(taskId) {
      try {
        return await find(taskId);
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error;
        return recordOf(taskId, await lostRuns(objects, taskId));
      }
    },
    async change(taskId, change) {
      await changeJson(objects, statusKey(taskId), {
        schema: taskRecordSchema,
        overDamage: true,
        async change(present, isDamaged) {
          const record = await change(present);
          if (record === present) return record;
          const runs = isDamaged ? withLost(record.runs, await lostRuns(objects, taskId)) : record.runs;
          return taskRecordSchema.parse({ ...record, runs });
        },
      });
    },
    async claim(taskId, run, claim) {
      const value = claimSchema.parse(claim);
      return createJson(objects, `${runKey(taskId, run)}/claim.json`, { schema: claimSchema, value });
    },
    async findClaim(taskId, run) {
      return (await readJson(objects, `${runKey(taskId, run)}/claim.json`, claimSchema))?.value;
    },
  };
}

function statusKey(taskId: string): string {
  return `${taskKey(taskId)}/status.json`;
}

/** The runs of a task whose record is damaged, by the keys of what they have left: no later run may take one's number. */
async function lostRuns(objects: ObjectStore, taskId: string): Promise<readonly RunRecord[]> {
  const prefix = runsPrefix(taskId);
  const numbers = new Set<number>();
  for await (const { key } of objects.list(prefix)) numbers.add(parseInt(key.slice(prefix.length), 10));
  return [...numbers].map((run) => ({
    run,
    state: 'exception',
    reason: 'internal-error',
    detail: 'Its record in the store was damaged',
    phases: {},
    artifacts: [],
  }));
}

function withLost(runs: readonly RunRecord[], lost: readonly RunRecord[]): RunRecord[] {
  const known = new Set(runs.map(({ run }) => run));
  return [...runs, ...lost.filter(({ run }) => !known.has(run))].sort((a, b) => a.run - b.run);
}

/** What stands in the place of a damaged record: of no round, so that it is nobody's verdict. None where no run had begun. */
function recordOf(taskId: string, lost: readonly RunRecord[]): TaskRecord | undefined {
  if (lost.length === 0) return undefined;
  const id = parseId(taskId);
  return {
    version: 1,
    taskId,
    label: id?.kind === 'task' ? id.label : taskId,
    state: 'exception',
    reason: 'internal-error',
    created: new Date().toISOString(),
    runs: withLost([], lost),
  };
}
