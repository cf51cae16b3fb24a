import {
  CancellationScope,
  condition,
  ContinueAsNew,
  continueAsNew,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ImageResolved, PlannedPush, PushInput, TaskResolved } from '../model/pure/payloads.ts';
import type { PushReason } from '../model/pure/states.ts';
import { PUSH_REASONS } from '../model/pure/states.ts';
import { controlActivities, builderActivities } from './activity-proxies.ts';
import { failureDetail } from './failures.ts';
import { imageResolvedSignal, taskResolvedSignal } from './messages.ts';
import { cancelTasks, startTask, takeBackImages } from './push-children.ts';
import type { PushGraphState } from './push-graph.ts';
import { PushGraph } from './push-graph.ts';
import { PushImages } from './push-images.ts';
import { SLIPWAY_STATE } from '../model/pure/search-attributes.ts';

/** Starts in flight: bursts of more would overrun the 100 events that a server buffers per workflow. */
const STARTS_IN_FLIGHT = 40;

/** Tasks open at once: the server allows 2,000 pending children. */
const OPEN_TASKS = 1_500;

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
  const control = controlActivities(input.level);
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
  try {
    if (!planned) {
      const plan = await planWithBases(input, pushId);
      if (plan.outcome !== 'planned')
        return conclude(plan.outcome === 'rejected' ? plan.reason : 'internal-error');
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
    await control.recordPush({
      pushId,
      plannedAt: planned.plannedAt,
      images: images.outcomes,
      verdict: { reason },
    });
    return conclude(reason);
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (!isCancellation(error)) {
      const verdict = { reason: 'internal-error' as const, detail: failureDetail(error) };
      await control.recordPush({
        pushId,
        plannedAt: planned?.plannedAt ?? '',
        images: known.images?.outcomes ?? [],
        verdict,
      });
      return conclude('internal-error');
    }
    await CancellationScope.nonCancellable(() =>
      cancelAll(input, pushId, planned, known.graph, known.images),
    );
    throw error;
  }
}

/** Plans; brings bases that have no record into the store and plans again, so that hashes are known. */
async function planWithBases(input: PushInput, pushId: string): Promise<PlannedPush> {
  const control = controlActivities(input.level);
  const unavailableBases: Record<string, string> = {};
  let plan = await control.planPush({ push: input, pushId, unavailableBases });
  // Each round settles every base it names; a parent's Dockerfile can't name new ones later, so two rounds suffice.
  for (let round = 0; plan.outcome === 'bases-missing' && round < 3; round++) {
    const { domain, platform } = plan;
    const answers = await Promise.all(
      plan.bases.map(async (reference) => {
        const answer = await builderActivities(input.level, `import base ${reference}`).importBase({
          domain,
          level: input.level,
          platform,
          reference,
        });
        return [reference, answer.unavailable] as const;
      }),
    );
    for (const [reference, unavailable] of answers)
      if (unavailable) unavailableBases[reference] = unavailable;
    plan = await control.planPush({ push: input, pushId, unavailableBases });
  }
  return plan;
}

interface Running {
  readonly input: PushInput;
  readonly pushId: string;
  readonly planned: Planned;
  readonly graph: PushGraph;
  readonly images: PushImages;
}

async function startAll({ input, pushId, planned, graph, images }: Running): Promise<void> {
  const control = controlActivities(input.level);
  const { plannedAt } = planned;
  while (!graph.isDone || !images.allResolved) {
    const ready = graph.takeReady(Math.min(STARTS_IN_FLIGHT, OPEN_TASKS - graph.openLabels.length));
    await Promise.all(ready.map((task) => startTask(task, { push: input, pushId, plannedAt, graph })));
    const neverStarted = graph.takeNeverStarted();
    if (neverStarted.length > 0) await control.recordUnstarted({ pushId, plannedAt, tasks: neverStarted });
    if (images.takeNews()) await control.recordPush({ pushId, plannedAt, images: images.outcomes });
    if (workflowInfo().continueAsNewSuggested && images.allResolved) {
      await continueAsNew<typeof push>(input, { planned, graph: graph.state });
    }
    await condition(() => graph.hasNews || images.hasNews || (graph.isDone && images.allResolved));
  }
}

async function cancelAll(
  input: PushInput,
  pushId: string,
  planned: Planned | undefined,
  graph: PushGraph | undefined,
  images: PushImages | undefined,
): Promise<void> {
  const control = controlActivities(input.level);
  const plannedAt = planned?.plannedAt ?? '';
  if (graph && images) {
    await takeBackImages(images.openTaskIds, pushId);
    images.cancelOpen();
    graph.abandonWaiting('canceled');
    await cancelTasks(graph.openLabels, { push: input, pushId });
    // A task that does not answer (terminated by hand, its machine gone for good) must not keep the push open.
    await condition(() => graph.isDone, '5m');
    const neverStarted = graph.takeNeverStarted();
    if (neverStarted.length > 0) await control.recordUnstarted({ pushId, plannedAt, tasks: neverStarted });
  }
  await control.recordPush({
    pushId,
    plannedAt,
    images: images?.outcomes ?? [],
    verdict: { reason: 'canceled' },
  });
  conclude('canceled');
}

function conclude(reason: PushReason): PushOutcome {
  const { state } = PUSH_REASONS[reason];
  upsertSearchAttributes([{ key: SLIPWAY_STATE, value: state }]);
  return { state, reason };
}
