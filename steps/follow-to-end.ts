import type { ContainerState, Engine } from '../docker/engine.ts';
import { ContainerLost, EngineUnavailable } from '../model/errors.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { isAway, isGone } from './engine-trouble.ts';
import { answers, watchEngine } from './engine-watch.ts';
import type { EndedCommand } from './judge-end.ts';
import type { RunLog } from './run-log.ts';
import type { OwnContainer } from './start-or-adopt.ts';
import type { StepContext } from './step-context.ts';

/** An engine that is away for longer than this is not waited for. */
const ENGINE_PATIENCE_MS = 120_000;
const REMOVED = 'The container was removed while its command ran';

/** An engine reads what a container writes; while it is away nobody does, and what is in the pipe at the end is lost with it. */
const UNSEEN = {
  'engine-away':
    'The command ended while its engine was away: what it wrote in that time may be missing above, the engine has not kept it',
  unseen:
    'The command ended while nobody followed it: if its engine was away too, what it wrote in that time is missing above',
};

export interface Followed {
  readonly container: OwnContainer;
  readonly name: string;
  readonly log: RunLog;
  readonly planned: PlannedTask;
  readonly peaks?: MemoryPeaks | undefined;
}

/** The most memory that was seen in use, in bytes, by container: what a process has seen of them until what they left is saved. */
export type MemoryPeaks = Map<string, number>;

/**
 * Follows a started command to its end: its output goes into the log, after maxRunTime it is killed. An engine that goes
 * away meanwhile, or hangs, is waited for. @throws {ContainerLost} when somebody has removed the container.
 */
export async function followToEnd(
  engine: Engine,
  followed: Followed,
  context: StepContext,
): Promise<EndedCommand> {
  let wentAway = false;
  let ranMs: (() => number) | undefined;
  const { name, peaks = new Map() as MemoryPeaks } = followed;
  const onMemory = (bytes: number): void => void peaks.set(name, Math.max(bytes, peaks.get(name) ?? 0));
  for (;;) {
    using watch = watchEngine(engine, context.signal);
    try {
      ranMs ??= await measureRun(engine, followed.container);
      // What runs on was not ended by what befell its engine.
      if (wentAway) wentAway = (await engine.containers.inspect(followed.container.id))?.state !== 'running';
      const { state, timedOut } = await followOnce(engine, { ...followed, ranMs, onMemory }, watch.signal);
      if (state.isBeingRemoved) throw new ContainerLost(REMOVED);
      const end = wentAway ? 'engine-away' : followed.container.hadEnded ? 'unseen' : 'seen';
      if (end !== 'seen') followed.log.say(UNSEEN[end]);
      const { liveRestore } = end === 'seen' ? { liveRestore: false } : await engine.info();
      return { state, timedOut, liveRestore, end, peakMemoryBytes: peaks.get(name) };
    } catch (error) {
      context.signal.throwIfAborted();
      if (isGone(error)) throw new ContainerLost(REMOVED, { cause: error });
      if (!isAway(error)) throw error;
      wentAway = true;
      followed.log.say(`${(error as Error).message}. It is waited for`, 'error');
      await waitForEngine(engine, context.signal);
    }
  }
}

/** Reads the output from its beginning and skips what the log has already. */
export async function copyOutput(
  engine: Engine,
  { id, log, planned }: { readonly id: string; readonly log: RunLog; readonly planned: PlannedTask },
  signal: AbortSignal,
): Promise<void> {
  log.beginOutput();
  let toSkip = log.taskBytes;
  // What is an artifact of its own does not stand in the log too.
  const of = planned.stdout === undefined ? 'both' : 'stderr';
  const output = await engine.containers.output(id, signal, of);
  for await (const chunk of output as AsyncIterable<Buffer>) {
    const fresh = toSkip >= chunk.byteLength ? chunk.subarray(chunk.byteLength) : chunk.subarray(toSkip);
    toSkip -= chunk.byteLength - fresh.byteLength;
    if (fresh.byteLength > 0) await log.write(fresh);
  }
  await log.flush();
}

async function followOnce(
  engine: Engine,
  {
    container: { id },
    log,
    planned,
    ranMs,
    onMemory,
  }: Followed & { readonly ranMs: () => number; readonly onMemory: (bytes: number) => void },
  signal: AbortSignal,
): Promise<{ readonly state: ContainerState; readonly timedOut: boolean }> {
  const { containers } = engine;
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      containers
        .kill(id)
        .catch((error: unknown) => log.say(`It could not be killed: ${String(error)}`, 'error'));
    },
    Math.max(0, planned.maxRunTimeSeconds * 1000 - ranMs()),
  );
  // When one of both fails the other ends too: two readers of one output would write it twice.
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const work = [containers.wait(id, both, onMemory), copyOutput(engine, { id, log, planned }, both)] as const;
  try {
    const [state] = await Promise.all(work);
    log.endOutput();
    await log.flush();
    return { state, timedOut };
  } finally {
    clearTimeout(timer);
    failed.abort();
    await Promise.allSettled(work);
  }
}

/**
 * How long a container has run, from now on without anybody's clock. What it ran before it was adopted is counted by the
 * engine's clock alone: ours may be another one.
 */
async function measureRun(engine: Engine, { id, isAdopted }: OwnContainer): Promise<() => number> {
  if (!isAdopted) return startStopwatch();
  const [state, { time }] = await Promise.all([engine.containers.inspect(id), engine.info()]);
  const before = state?.started ? Math.max(0, time - Date.parse(state.started)) : 0;
  const took = startStopwatch();
  return () => before + took();
}

async function waitForEngine(engine: Engine, signal: AbortSignal): Promise<void> {
  const isBack = await answers(engine, ENGINE_PATIENCE_MS, signal);
  signal.throwIfAborted();
  if (isBack) return;
  throw new EngineUnavailable(engine.address, `it did not come back within ${ENGINE_PATIENCE_MS / 1000} s`);
}
