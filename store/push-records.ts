import type { z } from 'zod';
import { planSchema } from '../model/schema/plan.ts';
import { parseId, pushId as pushIdOf } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument, PushRecord } from '../model/schema/records.ts';
import { pushDocumentSchema, pushRecordSchema } from '../model/schema/records.ts';
import { WriteConflict } from '../model/errors.ts';
import type { Json } from '../model/pure/canonical-json.ts';
import { canonicalJson } from '../model/pure/canonical-json.ts';
import { changeJson, DamagedRecord, readJson, readUsableJson, writeJson } from './json-object.ts';
import { formerPlanKey, pushKey, pushesPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { listOpen, markOpen, unmarkOpen } from './open-pushes.ts';
import { listByDay, listPushes } from './pushes-by-day.ts';
import type { PushRecords } from './store.ts';

/** `level-<L>/pushes/<key>/` and the list of them by day. */
export function createPushRecords(objects: ObjectStore): PushRecords {
  return {
    async receive(record) {
      const asked = pushRecordSchema.parse(record);
      const { pushId } = asked;
      // Before the record is read: the collector takes the mark for a sign that the record of an old push is wanted again.
      await markOpen(objects, pushId);
      const counts = await changeJson(objects, pushKey(pushId, 'push'), {
        schema: pushRecordSchema,
        overDamage: true,
        change(present) {
          if (!present) return asked;
          const newRefs = asked.refs.filter((ref) => !present.refs.includes(ref));
          const last = present.rounds?.at(-1)?.round ?? 1;
          const newRounds = (asked.rounds ?? []).filter(({ round }) => round > last);
          const arrived = lastArrival(present, asked);
          if (newRefs.length === 0 && newRounds.length === 0 && arrived === present.arrived) return present;
          return {
            ...present,
            refs: [...present.refs, ...newRefs],
            ...(newRounds.length === 0 ? {} : { rounds: [...(present.rounds ?? []), ...newRounds] }),
            ...(arrived === undefined ? {} : { arrived }),
          };
        },
      });
      // Also when the record was there: whoever wrote it may have died before this line.
      await listByDay(objects, { pushId, received: counts.received });
      return counts;
    },

    find: (pushId) => findMendable(objects, pushId, 'push', pushRecordSchema),

    async writePlan(plan, mayWrite = () => undefined) {
      const { pushId, plannedAt } = plan;
      await changeJson(objects, pushKey(pushId, 'plan'), {
        schema: planSchema,
        overDamage: true,
        async change(former) {
          mayWrite();
          if (former && former.plannedAt !== plannedAt)
            await writeJson(objects, formerPlanKey(pushId, former.plannedAt), former);
          return planSchema.parse(plan);
        },
      });
    },

    async findPlan(pushId, plannedAt) {
      const newest = (await readJson(objects, pushKey(pushId, 'plan'), planSchema))?.value;
      if (plannedAt === undefined || newest?.plannedAt === plannedAt) return newest;
      return (await readJson(objects, formerPlanKey(pushId, plannedAt), planSchema))?.value;
    },

    async writeStatus(document, mayWrite = () => undefined) {
      const ends = isResolved(document.state);
      mayWrite();
      // A new round's first status: the mark may have been taken off with the verdict of the round before.
      if (!ends) await markOpen(objects, document.id);
      await replace(objects, pushKey(document.id, 'status'), pushDocumentSchema, document, mayWrite);
      if (ends) await unmarkOpen(objects, document.id);
    },

    async settleStatus(document, before) {
      const key = pushKey(document.id, 'status');
      const present = await readJson(objects, key, pushDocumentSchema);
      if (textOf(present?.value) !== textOf(before)) throw new WriteConflict(key);
      const onlyIf = present ? { etag: present.etag } : 'absent';
      await writeJson(objects, key, pushDocumentSchema.parse(document), { onlyIf });
      await unmarkOpen(objects, document.id);
    },

    open: (level) => listOpen(objects, level),
    close: (pushId) => unmarkOpen(objects, pushId),

    findStatus: (pushId) => findMendable(objects, pushId, 'status', pushDocumentSchema),

    findUsableStatus: (pushId) => readUsableJson(objects, pushKey(pushId, 'status'), pushDocumentSchema),

    list: (wanted) => listPushes(objects, wanted),

    async *startingWith(push) {
      const { project, level } = push;
      for await (const { key } of objects.list(pushesPrefix(push))) {
        const [name = '', part] = key.split('/').slice(3);
        const [revision = '', variant] = name.split('~');
        if (part === 'push.json') yield pushIdOf({ project, level, revision, variant });
      }
    },
  };
}

/** Writes over whatever stands there; the condition sees to it that `mayWrite` was asked after the last other write. */
async function replace<T>(
  objects: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
  value: T,
  mayWrite: () => void,
): Promise<void> {
  const change = (): T => {
    mayWrite();
    return schema.parse(value);
  };
  await changeJson(objects, key, { schema, change, overDamage: true });
}

/** What is repeated late does not set it back. */
function lastArrival(present: PushRecord, { arrived }: PushRecord): string | undefined {
  const { arrived: before = present.received } = present;
  return arrived !== undefined && Date.parse(arrived) > Date.parse(before) ? arrived : present.arrived;
}

/** A record that a new round writes anew. */
async function findMendable<T>(
  objects: ObjectStore,
  pushId: string,
  part: 'push' | 'status',
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const key = pushKey(pushId, part);
  try {
    return (await readJson(objects, key, schema))?.value;
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    throw new DamagedRecord(key, error.cause, remedyOf(pushId));
  }
}

/** Deleting the record would do too; this also carries out again what it told of. */
function remedyOf(pushId: string): string {
  const parsed = parseId(pushId);
  const revision = parsed?.kind === 'push' ? parsed.revision.slice(0, 12) : 'REVISION';
  return `a new round writes it anew: slipway push --rev ${revision} --again, with what else was asked of the push`;
}

function textOf(document: PushDocument | undefined): string {
  return document === undefined ? '' : canonicalJson(document as unknown as Json);
}
