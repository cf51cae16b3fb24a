import { mapConcurrently } from '../model/concurrently.ts';
import type { ImageOutcome } from '../model/pure/payloads.ts';
import type { TaskReason } from '../model/pure/states.ts';
import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import { unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

/**
 * Records how images of a push ended whose build never began: a base that cannot be had, a look-up that failed. Their log is told from
 * that. An image that has had a build keeps the record of it, also one that is built meanwhile. Safe to repeat.
 */
export async function recordUnbuilt(
  { tasks }: Pick<Store, 'tasks'>,
  { plan, outcomes }: { readonly plan: Plan; readonly outcomes: readonly ImageOutcome[] },
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<void> {
  const images = new Map(plan.images.map((image) => [image.name, image]));
  await mapConcurrently(outcomes, async ({ name, outcome, detail }) => {
    const image = images.get(name);
    // One that was there has a record, and maybe not of this level.
    if (outcome !== 'failed' || !image || image.action === 'reuse') return;
    const recorded = tasks.change(image.taskId, (present) => {
      if (present && (present.runs.length > 0 || isOf(plan, present))) return present;
      expectNotGivenUp(context);
      return recordOf(plan, image, detail);
    });
    // The push's own record is not kept from being written by that of an image.
    await unlessUnreadable(recorded);
  });
}

/** Where its bases are not known an image has no hash, and pushes have one record for it, of which the newest counts. */
function isOf({ pushId, plannedAt }: Plan, record: TaskRecord): boolean {
  return record.pushId === pushId && record.plannedAt === plannedAt;
}

function recordOf({ pushId, plannedAt }: Plan, image: PlannedImage, detail: string | undefined): TaskRecord {
  const now = new Date().toISOString();
  const { name, taskId, culprit } = image;
  const reason = reasonOf(image);
  return {
    version: 1,
    taskId,
    label: `image ${name}`,
    pushId,
    plannedAt,
    image: name,
    state: reason === 'image-build-failed' ? 'failed' : 'exception',
    reason,
    ...(detail === undefined ? {} : { detail }),
    ...(culprit === undefined ? {} : { culprit }),
    created: now,
    resolved: now,
    runs: [],
  };
}

function reasonOf({ unavailable, troubled, culprit }: PlannedImage): TaskReason {
  if (unavailable === undefined || troubled) return 'internal-error';
  return culprit === undefined ? 'image-build-failed' : 'dependency-failed';
}
