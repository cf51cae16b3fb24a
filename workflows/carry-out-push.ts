import {
  CancellationScope,
  condition,
  continueAsNew,
  log,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { withBareDigests } from '../model/pure/image-digests.ts';
import type { ImageResolved, PlannedPush, PushInput, TaskResolved } from '../model/pure/payloads.ts';
import type { Rerun } from '../model/pure/rerun.ts';
import { REFUSED } from '../model/pure/rerun.ts';
import type { PushReason } from '../model/pure/states.ts';
import { controlActivities, recordActivities } from './activity-proxies.ts';
import type { ShownPush } from './current-details.ts';
import { showPush } from './current-details.ts';
import type { DeadlinesState } from './deadlines.ts';
import { Deadlines } from './deadlines.ts';
import { endWaiting } from './end-waiting.ts';
import { failureDetail } from './failures.ts';
import { expectNotCancelled, loadGraph } from './load-graph.ts';
import { planWithBases, SettledBases } from './plan-with-bases.ts';
import { startTask } from './push-children.ts';
import type { PushGraphState } from './push-graph-state.ts';
import { PushGraph } from './push-graph.ts';
import { PushImages } from './push-images.ts';
import { BATCH, recordUnstarted, recordVerdict } from './push-records.ts';
import type { TaskRequests } from './task-requests.ts';

/** Starts in flight: bursts of more would overrun the 100 events that a server buffers per workflow. */
const STARTS_IN_FLIGHT = 40;

/** Tasks open at once: the server allows 2,000 pending children. */
const OPEN_TASKS = 1_500;

/**
 * Events of a run of the push, for each page of the graph that it has loaded, before it may go on in a new one: what it has loaded
 * alone must not be what makes it long, and is not loaded again for a handful of tasks.
 */
const EVENTS_OF_A_RUN = 40;

export type Planned = Extract<PlannedPush, { outcome: 'planned' }>;

/** What a push carries into its next run when its history grows long. */
export interface PushCarry {
  readonly planned: Planned;
  readonly graph: PushGraphState;
  readonly reruns?: readonly Rerun[];
  /** Labels of tasks whose containers are kept where they fail. */
  readonly held?: readonly string[];
  /** Absent in histories from before deadlines counted from the push on. */
  readonly deadlines?: DeadlinesState;
}

type PushWorkflow = (input: PushInput, carry?: PushCarry) => Promise<unknown>;

/** A push while its workflow runs: what its signals and its query reach. */
export interface RunningPush extends ShownPush {
  readonly input: PushInput;
  readonly pushId: string;
  /** Answers that came before the graph stands. */
  readonly early: (ImageResolved | TaskResolved)[];
  readonly requests: TaskRequests;
  /** Labels of tasks that are set back once they have ended. */
  readonly later: Set<string>;
  /** Labels of tasks that ran again so that their containers are kept where they fail. */
  readonly held: Set<string>;
  /** When this round of the push began, and what was set back in it. */
  readonly began: DeadlinesState;
  planned?: Planned;
  graph?: PushGraph;
  /** Pages of the graph that this run has loaded. */
  pages?: number;
  deadlines?: Deadlines;
  images?: PushImages;
}

/** Plans the push, or goes on where an earlier run of it was; starts everything, and records the verdict. */
export async function carryOutPush(running: RunningPush, carry: PushCarry | undefined): Promise<PushReason> {
  const { input, pushId } = running;
  const bases = new SettledBases();
  const tell = (doing: string): void => showPush(running, doing);
  let state = carry?.graph;
  for (;;) {
    if (!running.planned) {
      const plan = input.rerun
        ? await controlActivities(input.level).reopenPush({ push: input, pushId, rerun: input.rerun })
        : await planWithBases(input, pushId, { bases, tell });
      if (plan.outcome === 'rejected') return plan.reason;
      running.planned = plan;
    }
    const begun = await begin(running, running.planned, state);
    if (!carry && begun.planned.supersedes) await supersedeOthers(running);
    // Those that an earlier run of this push has asked for answer to its id: asked again, one to be rebuilt might be built twice.
    if (state) begun.images.markAsked();
    else await begun.images.request(pushId, begun.planned.plannedAt, input.level);
    const reason = await runAll(begun);
    if (reason !== 'decided') return reason;
    const plan = await planWithBases(input, pushId, { bases, tell, decided: true });
    if (plan.outcome === 'rejected') return plan.reason;
    running.planned = plan;
    state = undefined;
  }
}

/** Until nothing is left to do and nobody has asked for more, or until the decision program has said which tasks there are. */
async function runAll(begun: Begun): Promise<PushReason | 'decided'> {
  const { input, planned, graph, images, requests } = begun;
  for (let again = false; ; again = true) {
    await startAll(begun);
    const hasDecided = planned.decides === true && graph.allCompleted();
    if (hasDecided && (!again || patched('decide-after-rerun'))) return 'decided';
    const reason = graph.allCompleted() && images.allWell ? 'completed' : 'failed';
    await CancellationScope.nonCancellable(() =>
      recordVerdict(input, planned, { images: images.outcomes, verdict: { reason } }),
    );
    // Replay: no await may stand between this look and the return, or a request would be lost.
    if (!requests.hasReruns) return reason;
  }
}

export type Begun = RunningPush &
  Required<Pick<RunningPush, 'planned' | 'graph' | 'pages' | 'images' | 'deadlines'>>;

/** Makes the graph of what is planned, and takes in what came before it stood. */
async function begin(
  running: RunningPush,
  planned: Planned,
  state: PushGraphState | undefined,
): Promise<Begun> {
  const { input, pushId, early } = running;
  showPush(running, 'Running');
  // Histories from before have the tasks in the plan's answer.
  const { tasks, pages } = planned.tasks
    ? { tasks: planned.tasks, pages: 1 }
    : await loadGraph(input, { pushId, plannedAt: planned.plannedAt });
  const graph = new PushGraph(tasks, state);
  const images = new PushImages(planned.images, graph, running.images?.resolved, state?.reopened);
  const { beganMs } = running.began;
  const deadlines = new Deadlines(graph, state ? running.began : { beganMs });
  const begun = Object.assign(running, { planned, graph, pages, images, deadlines });
  for (const resolved of early.splice(0)) {
    if (!('label' in resolved)) images.resolve(resolved);
    // A round that has begun none of its tasks is told of those of the round before.
    else if (state || !patched('ends-of-this-round')) graph.resolveTask(resolved);
  }
  if (!planned.tasks) expectNotCancelled();
  return begun;
}

/** That older pushes go on is a pity, and no reason for this one not to; a newer one that takes its place is. */
async function supersedeOthers({ input, pushId }: RunningPush): Promise<void> {
  try {
    await controlActivities(input.level).supersede({ push: input, pushId });
    // It was told while it asked: nothing of it is to begin.
    const isTold = CancellationScope.current().consideredCancelled;
    if (isTold && patched('told-while-superseding')) expectNotCancelled();
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    log.warn('Older pushes of this ref were not cancelled', { detail: failureDetail(error) });
  }
}

async function startAll(running: Begun): Promise<void> {
  const { input, pushId, planned, graph, pages, images, deadlines, requests, later, held } = running;
  const records = recordActivities(input.level);
  const { plannedAt } = planned;
  const isDone = (): boolean =>
    graph.isDone && images.allResolved && !graph.hasNeverStarted && !requests.hasReruns && later.size === 0;
  const begun = workflowInfo().historyLength;
  const isLong = (): boolean => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    if (!continueAsNewSuggested || historyLength < begun + EVENTS_OF_A_RUN) return false;
    // Replay: runs of before did not count the pages.
    if (historyLength < begun + EVENTS_OF_A_RUN * pages && patched('events-by-pages')) return false;
    if (images.allResolved) return true;
    return patched(images.reopened.length === 0 ? 'go-on-without-images' : 'go-on-with-reopened-images');
  };
  const mayBeSetBack = (): boolean => requests.hasReruns || [...later].some((label) => graph.hasEnded(label));
  while (!isDone()) {
    // Before what waits for them is looked at: it shall wait for them again.
    if (mayBeSetBack() && patched('set-back-first')) await setBackAsked(running);
    await endWaiting(running);
    const ready = graph.takeReady(Math.min(STARTS_IN_FLIGHT, OPEN_TASKS - graph.openCount));
    showPush(running);
    const context = { push: input, pushId, plannedAt, graph, deadlines, held };
    await Promise.all(ready.map((task) => startTask(task, context)));
    await CancellationScope.nonCancellable(async () => {
      await recordUnstarted(input, { pushId, plannedAt, tasks: graph.takeNeverStarted() });
      if (images.takeNews())
        await records.recordPush({ pushId, plannedAt, push: pushed(input), images: images.outcomes });
    });
    await setBackAsked(running);
    deadlines.watch();
    const mustRecord = (): boolean =>
      (graph.hasNeverStarted || images.hasNews) && patched('record-before-new-run');
    if (isLong() && !requests.hasCancels && !mustRecord()) {
      const { reopened } = images;
      const waiting = later.size > 0 ? [{ tasks: [...later], downstream: false }] : [];
      await continueAsNew<PushWorkflow>(input, {
        planned: { ...planned, images: planned.images.map(withBareDigests) },
        graph: { ...graph.state, images: images.carried, ...(reopened.length > 0 ? { reopened } : {}) },
        reruns: [...requests.takeReruns(), ...waiting],
        held: [...held],
        deadlines: deadlines.state,
      });
    }
    // What is ready while too many are open waits until one of them is resolved.
    const mayStart = (): boolean => graph.hasToCheck && graph.openCount < OPEN_TASKS;
    const mayEnd = (): boolean => requests.hasCancels || deadlines.isDue;
    const hasNews = (): boolean => graph.hasNeverStarted || images.hasNews || mayBeSetBack() || mayEnd();
    await condition(() => mayStart() || hasNews() || isDone() || isLong());
  }
}

/**
 * Sets tasks back that shall run again. One that has not ended is set back once it has: its record may say already what its signal
 * is still on the way to tell.
 */
async function setBackAsked(running: Begun): Promise<void> {
  const { input, pushId, planned, graph, images, deadlines, requests, later, held } = running;
  const { plannedAt } = planned;
  const meant = new Set(later);
  later.clear();
  for (const rerun of requests.takeReruns()) {
    for (const label of graph.meantBy(rerun)) {
      meant.add(label);
      if (rerun.hold) held.add(label);
    }
  }
  for (const label of meant) if (graph.isEnding(label)) later.add(label);
  const labels = [...meant].filter((label) => graph.hasEnded(label));
  if (labels.length === 0) return;
  const runs = new Map<string, number>();
  for (let at = 0; at < labels.length; at += BATCH) {
    const batch = labels.slice(at, at + BATCH);
    const numbers = await CancellationScope.nonCancellable(() =>
      controlActivities(input.level).setBack({
        push: pushed(input),
        pushId,
        plannedAt,
        labels: batch,
        mayRefuse: true,
      }),
    );
    for (const [place, label] of batch.entries()) {
      const number = numbers[place] ?? 0;
      if (number === REFUSED) log.warn('A task may not run again and stays as it ended', { label });
      else runs.set(label, number);
    }
  }
  if (runs.size === 0) return;
  graph.reopen(runs);
  deadlines.restart([...runs.keys()]);
  images.reopen(graph.imagesOf(runs.keys()));
  await images.request(pushId, plannedAt, input.level);
}

/** What was pushed, without the names of what runs again: they may be many, and the history has them once. */
function pushed({ rerun: _rerun, ...push }: PushInput): PushInput {
  return push;
}
