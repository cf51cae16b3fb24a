import { setTimeout as delay } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { createClaimActivities, createRunnerActivities } from '../activities/runner.ts';
import { connectEngine } from '../docker/connect.ts';
import type { Engine } from '../docker/engine.ts';
import { engineQueueName, queueName } from '../model/pure/ids.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import { logActivities } from './activity-log.ts';
import type { Parts } from './parts.ts';
import { roomOfEngine } from './room-of-engine.ts';
import type { RunPart } from './run-slots.ts';
import { RunSlots } from './run-slots.ts';
import { DEAF_MS, runToEnd } from './run-to-end.ts';
import { startSweeper } from './sweeper.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';

/** More than the slots ever let through: the claims are what is bounded. */
const ENGINE_QUEUE_CONCURRENCY = 200;

/** A claim that is under way when the worker is to end comes to its end: it is short. */
const CLAIM_GRACE_MS = 10_000;

/** What a run has left when its time is over is saved within this time. */
const SAVE_MS = 20_000;

export interface RunnerWorkers {
  /** Until {@link drain} has ended them. */
  run(): Promise<void>;
  /**
   * Takes no new run at once; runs that go on may finish within that time, then they end `worker-shutdown`: what they have
   * left is saved and their containers are removed.
   */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The workers of `runner-<level>` (claims only) and of this engine's own queue. */
export async function createRunnerWorkers(
  parts: Parts,
  connection: NativeConnection,
  { capacity }: { readonly capacity: number },
): Promise<RunnerWorkers> {
  const { connections, store } = parts;
  const engine = await connectEngine({
    address: connections.runnerEngine,
    blobs: store.blobs,
    reach: { kind: 'loopback' },
    fleet: connections.fleet,
    room: roomOfEngine(parts, { address: connections.runnerEngine, what: 'tasks' }),
  });
  const sweeper = startSweeper(parts, engine);
  const slots = new RunSlots(capacity);
  const ending = new AbortController();
  const { claimWorker, engineWorker } = await createWorkers(parts, {
    connection,
    engine,
    slots,
    ending: ending.signal,
    // One that was given up may have been superseded while nothing was heard of it.
    onTrouble: sweeper.look,
  });
  return {
    run: async () => {
      await Promise.all([claimWorker, engineWorker].map((worker) => runToEnd(worker, parts.logger)));
    },
    drain: async (graceMs) => {
      const grace = AbortSignal.timeout(graceMs);
      if (claimWorker.getState() === 'RUNNING') claimWorker.shutdown();
      const hasEnded = (): boolean => ['STOPPED', 'FAILED'].includes(claimWorker.getState());
      while (!hasEnded() && !grace.aborted) await delay(50);
      await slots.untilIdle(grace);
      ending.abort(new Error('The time to finish is over'));
      await slots.untilIdle(AbortSignal.timeout(SAVE_MS));
      if (engineWorker.getState() === 'RUNNING') engineWorker.shutdown();
    },
    close: async () => {
      sweeper.stop();
      await engine.close();
    },
  };
}

async function createWorkers(
  parts: Parts,
  options: {
    readonly connection: NativeConnection;
    readonly engine: Engine;
    readonly slots: RunSlots;
    readonly ending: AbortSignal;
    readonly onTrouble: () => void;
  },
): Promise<{ readonly claimWorker: Worker; readonly engineWorker: Worker }> {
  const { connection, engine, slots, ending, onTrouble } = options;
  const { level, connections } = parts;
  const { id: engineId } = await engine.info();
  const queue = engineQueueName(level, engineId);
  const deps = {
    ...parts,
    engine,
    fleet: connections.fleet,
    identity: { worker: parts.worker, engineId, queue },
  };
  const claims = createClaimActivities(deps);
  const runs = createRunnerActivities(deps, ending);
  const inSlot =
    <I extends RunInput, R>(part: RunPart, work: (input: I) => Promise<R>) =>
    (input: I): Promise<R> =>
      slots
        .during(runKey(input), part, () => work(input))
        .catch((error: unknown) => {
          onTrouble();
          throw error;
        });
  const { namespace } = connections.temporal;
  const common = {
    connection,
    namespace,
    identity: parts.worker,
    interceptors: { activity: [logActivities(parts.logger)] },
    ...HEARTBEAT_THROTTLE,
  };
  const fixed = { type: 'fixed-size', numSlots: 1 } as const;
  const claimWorker = await Worker.create({
    ...common,
    taskQueue: queueName('runner', level),
    activities: {
      claimRun: async (input: RunInput) => {
        const claim = await inSlot('claim', claims.claimRun)(input);
        // What another machine holds occupies nothing here.
        if (claim.engineId !== engineId) slots.release(runKey(input));
        return claim;
      },
    },
    tuner: {
      activityTaskSlotSupplier: slots.supplier,
      workflowTaskSlotSupplier: fixed,
      localActivityTaskSlotSupplier: fixed,
      nexusTaskSlotSupplier: fixed,
    },
    shutdownGraceTime: CLAIM_GRACE_MS,
    shutdownForceTime: CLAIM_GRACE_MS + DEAF_MS,
  });
  const engineWorker = await Worker.create({
    ...common,
    taskQueue: queue,
    activities: {
      loadImage: inSlot('middle', runs.loadImage),
      runContainer: inSlot('middle', runs.runContainer),
      saveArtifacts: inSlot('last', runs.saveArtifacts),
    },
    maxConcurrentActivityTaskExecutions: ENGINE_QUEUE_CONCURRENCY,
    shutdownForceTime: DEAF_MS,
  });
  return { claimWorker, engineWorker };
}

function runKey({ task, run }: RunInput): string {
  return `${task.taskId}#${run}`;
}
