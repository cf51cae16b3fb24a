import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  ContinueAsNew,
  continueAsNew,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Level } from '../model/pure/ids.ts';
import { parseId } from '../model/pure/ids.ts';
import type { RenewBaseInput, RenewedBase } from '../model/pure/base-payloads.ts';
import type {
  ImageResolved,
  PlannedPush,
  PushInput,
  RecordPushInput,
  TaskResolved,
} from '../model/pure/payloads.ts';
import { renewalKey } from '../model/pure/base-payloads.ts';
import type { PushReason } from '../model/pure/states.ts';
import { PUSH_REASONS } from '../model/pure/states.ts';
import { builderActivities, controlActivities, recordActivities } from './activity-proxies.ts';
import { failureDetail, pushReason } from './failures.ts';
import { imageResolvedSignal, openWorkQuery, taskResolvedSignal } from './messages.ts';
import { cancelTasks, startTask, takeBackImages } from './push-children.ts';
import type { PushGraphState } from './push-graph.ts';
import { PushGraph } from './push-graph.ts';
import { PushImages } from './push-images.ts';
import { SLIPWAY_STATE } from '../model/pure/search-attributes.ts';

/** Starts in flight: bursts of more would overrun the 100 events that a server buffers per workflow. */
const STARTS_IN_FLIGHT = 40;

/** Tasks open at once: the server allows 2,000 pending children. */
const OPEN_TASKS = 1_500;

/** A chain of images, each older than it may be, takes a round for each. */
const MAX_ROUNDS = 12;

export interface PushOutcome {
  readonly state: 'completed' | 'failed' | 'exception';
  readonly reason: PushReason;
}

type Planned = Extract<PlannedPush, { outcome: 'planned' }>;

/** What a push carries into its next run when its history grows long. */
export interface PushCarry {
  readonly planned: Planned;
  readonly graph: PushGraphState;
}

/**
 * One push: plan → images → tasks → verdict and record. Owns its graph for ever.
 *
 * Id `push/<project>/<level>/<revision>[~<variant>]`. Started by a client or hook; leaves the push's plan and record in
 * the store, whatever happens. Ends as cancelled when it was cancelled, else with its verdict as result.
 */
export async function push(input: PushInput, carry?: PushCarry): Promise<PushOutcome> {
  const pushId = workflowInfo().workflowId;
  // The id says where the records lie: a start that claims another level than its id must leave none there.
  if (parseId(pushId)?.level !== input.level)
    throw ApplicationFailure.nonRetryable(`${pushId} is not the id of a push of level ${input.level}`);
  // Replay: signals that came before the graph stands are dispatched by setHandler itself, so they are kept for it.
  const early: (ImageResolved | TaskResolved)[] = [];
  const known: { graph?: PushGraph; images?: PushImages } = {};
  setHandler(taskResolvedSignal, (resolved) =>
    known.graph ? known.graph.resolveTask(resolved) : void early.push(resolved),
  );
  setHandler(imageResolvedSignal, (resolved) =>
    known.images ? known.images.resolve(resolved) : void early.push(resolved),
  );

  let planned: Planned | undefined = carry?.planned;
  setHandler(openWorkQuery, () => ({
    pushId,
    plannedAt: planned?.plannedAt ?? '',
    tasks: known.graph?.startedLabels ?? [],
    images: known.images?.asked ?? [],
  }));
  try {
    if (!planned) {
      const plan = await planWithBases(input, pushId);
      if (plan.outcome === 'rejected') return conclude(plan.reason);
      planned = plan;
    }
    const graph = new PushGraph(planned.tasks, carry?.graph);
    const images = new PushImages(planned.images, graph);
    Object.assign(known, { graph, images });
    for (const resolved of early) {
      if ('label' in resolved) graph.resolveTask(resolved);
      else images.resolve(resolved);
    }
    await images.request(pushId, planned.plannedAt, input.level);
    await startAll({ input, pushId, planned, graph, images });
    const reason = graph.allCompleted() && images.allWell ? 'completed' : 'failed';
    await CancellationScope.nonCancellable(() =>
      recordVerdict(input, planned, { images: images.outcomes, verdict: { reason } }),
    );
    return conclude(reason);
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    // An activity that timed out while it was being cancelled says so and not that it was cancelled.
    const isCancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const verdict = isCancelled
      ? { reason: 'canceled' as const }
      : { reason: pushReason(error), detail: failureDetail(error) };
    await CancellationScope.nonCancellable(() => windDown(input, planned, { ...known, verdict }));
    if (!isCancelled) return conclude(verdict.reason);
    conclude('canceled');
    throw isCancellation(error) ? error : new CancelledFailure('The push was cancelled');
  }
}

/** Plans; brings bases that have no record into the store and plans again, so that hashes are known. */
async function planWithBases(
  input: PushInput,
  pushId: string,
): Promise<Exclude<PlannedPush, { outcome: 'bases-missing' }>> {
  const control = controlActivities(input.level);
  const unavailableBases: Record<string, string> = {};
  const renewedBases: Record<string, RenewedBase> = {};
  // Each round settles every base it names. What a renewed one makes of the hashes may name others, of images further up.
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const renewed = Object.keys(renewedBases).length > 0 ? { renewedBases } : {};
    const plan = await control.planPush({ push: input, pushId, unavailableBases, ...renewed });
    if (plan.outcome !== 'bases-missing') return plan;
    await Promise.all(
      (plan.renew ?? []).map(async (base) => {
        renewedBases[renewalKey(base)] = await renew(input.level, { ...base, domain: plan.domain });
      }),
    );
    const answers = await Promise.all(
      plan.bases.map(
        async (reference) => [reference, await bringBase(input.level, plan, reference)] as const,
      ),
    );
    for (const [reference, unavailable] of answers)
      if (unavailable) unavailableBases[reference] = unavailable;
  }
  throw ApplicationFailure.nonRetryable('Bases that were brought into the store are not found there');
}

/** A base that cannot be resolved anew is what it was. */
async function renew(level: Level, base: Omit<RenewBaseInput, 'level'>): Promise<RenewedBase> {
  try {
    return await builderActivities(level, `resolve base ${base.reference}`).renewBase({ ...base, level });
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    return { unavailable: failureDetail(error) };
  }
}

/** Gives the reason when the base cannot be had: only the images that need it fail, and the rest goes on. */
async function bringBase(
  level: Level,
  { domain, platform }: { readonly domain: string; readonly platform: string },
  reference: string,
): Promise<string | undefined> {
  try {
    const builder = builderActivities(level, `import base ${reference}`);
    return (await builder.importBase({ domain, level, platform, reference })).unavailable;
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    return failureDetail(error);
  }
}

interface Running {
  readonly input: PushInput;
  readonly pushId: string;
  readonly planned: Planned;
  readonly graph: PushGraph;
  readonly images: PushImages;
}

async function startAll({ input, pushId, planned, graph, images }: Running): Promise<void> {
  const records = recordActivities(input.level);
  const { plannedAt } = planned;
  const isDone = (): boolean => graph.isDone && images.allResolved && !graph.hasNeverStarted;
  const isLong = (): boolean => workflowInfo().continueAsNewSuggested && images.allResolved;
  while (!isDone()) {
    const ready = graph.takeReady(Math.min(STARTS_IN_FLIGHT, OPEN_TASKS - graph.openCount));
    await Promise.all(ready.map((task) => startTask(task, { push: input, pushId, plannedAt, graph })));
    await CancellationScope.nonCancellable(async () => {
      const neverStarted = graph.takeNeverStarted();
      if (neverStarted.length > 0) await records.recordUnstarted({ pushId, plannedAt, tasks: neverStarted });
      if (images.takeNews()) await records.recordPush({ pushId, plannedAt, images: images.outcomes });
    });
    if (isLong()) {
      await continueAsNew<typeof push>(input, { planned, graph: graph.state });
    }
    // What is ready while too many are open waits until one of them is resolved.
    const mayStart = (): boolean => graph.hasToCheck && graph.openCount < OPEN_TASKS;
    await condition(() => mayStart() || graph.hasNeverStarted || images.hasNews || isDone() || isLong());
  }
}

/** Ends a push before its time: takes everything back, waits for what was running, writes the record. */
async function windDown(
  input: PushInput,
  planned: Planned | undefined,
  {
    graph,
    images,
    verdict,
  }: {
    readonly graph?: PushGraph;
    readonly images?: PushImages;
    readonly verdict: NonNullable<RecordPushInput['verdict']>;
  },
): Promise<void> {
  const pushId = workflowInfo().workflowId;
  if (graph && images && planned) {
    await takeBackImages(images.openTaskIds, pushId);
    images.cancelOpen();
    graph.abandonWaiting(verdict.reason === 'canceled' ? 'canceled' : 'internal-error');
    await cancelTasks(graph.openLabels, { push: input, pushId });
    // A task that does not answer (terminated by hand, its machine gone for good) must not keep the push open.
    await condition(() => graph.isDone, '5m');
    const tasks = graph.takeNeverStarted();
    const { plannedAt } = planned;
    if (tasks.length > 0) await recordActivities(input.level).recordUnstarted({ pushId, plannedAt, tasks });
  }
  await recordVerdict(input, planned, { images: images?.outcomes ?? [], verdict });
}

async function recordVerdict(
  input: PushInput,
  planned: Planned | undefined,
  ended: Pick<RecordPushInput, 'images' | 'verdict'>,
): Promise<void> {
  const pushId = workflowInfo().workflowId;
  const plannedAt = planned?.plannedAt ?? '';
  await recordActivities(input.level).recordPush({ pushId, plannedAt, push: input, ...ended });
}

function conclude(reason: PushReason): PushOutcome {
  const { state } = PUSH_REASONS[reason];
  upsertSearchAttributes([{ key: SLIPWAY_STATE, value: state }]);
  return { state, reason };
}
