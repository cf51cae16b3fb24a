import { mapConcurrently } from '../model/concurrently.ts';
import { InternalError, NotFound } from '../model/errors.ts';
import { imageTaskId, taskIdIn } from '../model/pure/ids.ts';
import type { GraphImage, ImageOutcome, PlannedPush } from '../model/pure/payloads.ts';
import type { ReopenPushInput, SetBackInput } from '../model/pure/rerun.ts';
import { tasksToRerun } from '../model/pure/rerun.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import type { PushDocument } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { graphImage } from './graph-image.ts';
import { nextRun } from './load-graph.ts';
import { composeDocument } from './push-document.ts';
import { readTaskRecords } from './read-push.ts';
import { ensureReceived, receivePush } from './receive-push.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

/** Records that are written side by side. */
const WRITES_IN_FLIGHT = 32;

/**
 * Opens a push again that has its verdict: sets back the tasks that shall run again and leaves the others as they are. Its plan
 * stays. Safe to repeat as long as none of the tasks has begun.
 */
export async function reopenPush(
  store: Store,
  { push, pushId, rerun }: ReopenPushInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<Extract<PlannedPush, { outcome: 'planned' }>> {
  const [plan, before] = await Promise.all([store.pushes.findPlan(pushId), store.pushes.findStatus(pushId)]);
  if (!plan || !before) throw new InternalError(`Push ${pushId} has no plan by which a task could run again`);
  const records = await readTaskRecords(store, pushId, plan);
  const labels = tasksToRerun(plan.tasks, (label) => records.get(label)?.state !== 'completed', rerun);
  await setBackTasks(store, { pushId, plannedAt: plan.plannedAt, labels }, context);
  const record = await receivePush(store, { push, pushId }, plan.domain);
  const taskRecords = await readTaskRecords(store, pushId, plan);
  const document = composeDocument({
    record,
    plan,
    findings: plan.warnings,
    outcomes: before.images,
    taskRecords,
  });
  await store.pushes.writeStatus(document, () => expectNotGivenUp(context));
  const needed = neededImages(plan, new Set(labels));
  const outcomes = new Map(before.images.map((image) => [image.name, image]));
  return {
    outcome: 'planned',
    plannedAt: plan.plannedAt,
    images: plan.images.map((image) =>
      imageAgain(image, plan, outcomes.get(image.name), needed.has(image.name)),
    ),
    ...(plan.decides ? { decides: true } : {}),
  };
}

/**
 * Sets tasks back that have ended, and gives the numbers that their next runs have. A push that has its verdict by then is running
 * again. Safe to repeat as long as none of the tasks has begun.
 */
export async function setBack(
  store: Store,
  input: SetBackInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<readonly number[]> {
  const runs = await setBackTasks(store, input, context);
  const [record, status, plan] = await Promise.all([
    ensureReceived(store, { push: input.push, pushId: input.pushId }),
    store.pushes.findStatus(input.pushId),
    store.pushes.findPlan(input.pushId),
  ]);
  if (!plan) throw new NotFound(`No push ${input.pushId}`);
  if (!status || !isResolved(status.state)) return runs;
  const taskRecords = await readTaskRecords(store, input.pushId, plan);
  const document = composeDocument({
    record,
    plan,
    findings: plan.warnings,
    outcomes: status.images,
    taskRecords,
  });
  await store.pushes.writeStatus(document, () => expectNotGivenUp(context));
  return runs;
}

function setBackTasks(
  store: Store,
  { pushId, labels }: SetBackInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<readonly number[]> {
  const setBackOne = async (label: string): Promise<number> => {
    const taskId = taskIdIn(pushId, label);
    const present = await store.tasks.findUsable(taskId);
    // One that never began has no record, and needs none.
    if (!present) return 0;
    await store.tasks.change(taskId, (now) => {
      expectNotGivenUp(context);
      const {
        reason: _reason,
        detail: _detail,
        culprit: _culprit,
        resolved: _resolved,
        firstRun: _firstRun,
        ...rest
      } = now ?? present;
      return { ...rest, state: 'unscheduled' };
    });
    return nextRun(present);
  };
  return mapConcurrently(labels, setBackOne, WRITES_IN_FLIGHT);
}

/** In-tree images of the tasks that run again, with their parents as far as the plan needed them: the build of an image asks for others. */
function neededImages({ tasks, images }: Plan, labels: ReadonlySet<string>): ReadonlySet<string> {
  const needed = new Set(
    tasks.flatMap(({ label, image }) => (image.type === 'in-tree' && labels.has(label) ? [image.name] : [])),
  );
  // Parents come before children in a plan.
  for (const { name, parent } of images.toReversed())
    if (needed.has(name) && parent !== null) needed.add(parent);
  for (const { name, action } of images) if (action === 'not-needed') needed.delete(name);
  return needed;
}

/** An image that is needed is asked for once more, at the push's own level: the index has it, also from a higher one, or it is built. */
function imageAgain(
  image: PlannedImage,
  { domain, level }: Pick<Plan, 'domain' | 'level'>,
  before: PushDocument['images'][number] | undefined,
  isNeeded: boolean,
): GraphImage {
  const { stored: _stored, ...wanted } = graphImage(image);
  const { name, imageHash } = image;
  const outcome = before && outcomeOf(before);
  return {
    ...wanted,
    ...(imageHash === null ? {} : { taskId: imageTaskId({ domain, level, name, imageHash }) }),
    action: isNeeded ? 'build' : 'keep',
    force: wanted.force && before?.outcome !== 'built',
    ...(outcome ? { before: outcome } : {}),
  };
}

function outcomeOf({
  name,
  outcome,
  bytesUploaded,
  manifestDigest,
  detail,
}: PushDocument['images'][number]): ImageOutcome {
  return {
    name,
    outcome,
    bytesUploaded,
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(detail === undefined ? {} : { detail }),
  };
}
