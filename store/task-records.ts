import { claimSchema, taskRecordSchema } from '../model/schema/records.ts';
import { changeJson, createJson, readJson } from './json-object.ts';
import { runKey, taskKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { TaskRecords } from './store.ts';

/** `level-<L>/tasks/<key>/status.json` and the claims of the runs. */
export function createTaskRecords(objects: ObjectStore): TaskRecords {
  return {
    async find(taskId) {
      return (await readJson(objects, `${taskKey(taskId)}/status.json`, taskRecordSchema))?.value;
    },
    async change(taskId, change) {
      await changeJson(objects, `${taskKey(taskId)}/status.json`, {
        schema: taskRecordSchema,
        async change(present) {
          const record = await change(present);
          return record === present ? record : taskRecordSchema.parse(record);
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
