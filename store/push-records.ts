import { z } from 'zod';
import { planSchema } from '../model/schema/plan.ts';
import { pushDocumentSchema, pushRecordSchema } from '../model/schema/records.ts';
import { changeJson, createJson, readJson, writeJson } from './json-object.ts';
import { pushKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { dayKey, listPushes } from './pushes-by-day.ts';
import type { PushRecords } from './store.ts';

/** What stands in `pushes-by-day`; its key says the same, so that listing need not read it. */
const dayEntrySchema = z.object({ pushId: z.string(), received: z.string() });

/** `level-<L>/pushes/<key>/` and the list of them by day. */
export function createPushRecords(objects: ObjectStore): PushRecords {
  return {
    async receive(record) {
      const asked = pushRecordSchema.parse(record);
      const { pushId } = asked;
      const counts = await changeJson(objects, pushKey(pushId, 'push'), {
        schema: pushRecordSchema,
        change(present) {
          if (!present) return asked;
          const newRefs = asked.refs.filter((ref) => !present.refs.includes(ref));
          return newRefs.length === 0 ? present : { ...present, refs: [...present.refs, ...newRefs] };
        },
      });
      // Also when the record was there: whoever wrote it may have died before this line.
      const value = { pushId, received: counts.received };
      await createJson(objects, dayKey(value), { schema: dayEntrySchema, value });
      return counts;
    },

    async find(pushId) {
      return (await readJson(objects, pushKey(pushId, 'push'), pushRecordSchema))?.value;
    },

    async writePlan(plan) {
      await writeJson(objects, pushKey(plan.pushId, 'plan'), planSchema.parse(plan));
    },

    async findPlan(pushId) {
      return (await readJson(objects, pushKey(pushId, 'plan'), planSchema))?.value;
    },

    async writeStatus(document) {
      await writeJson(objects, pushKey(document.id, 'status'), pushDocumentSchema.parse(document));
    },

    async findStatus(pushId) {
      return (await readJson(objects, pushKey(pushId, 'status'), pushDocumentSchema))?.value;
    },

    list: (options) => listPushes(objects, options),
  };
}
