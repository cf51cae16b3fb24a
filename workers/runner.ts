import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { createClaimActivities, createRunnerActivities } from '../activities/runner.ts';
import { toFailure } from '../activities/to-failure.ts';
import { connectEngine } from '../docker/connect.ts';
import type { Engine } from '../docker/engine.ts';
import { diskOfEngine } from '../docker/room/disk-of-engine.ts';
import { engineQueueName, queueName } from '../model/pure/ids.ts';
import type { ReferableRun } from '../model/pure/claim-payloads.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { ErrorType } from '../model/error-catalog.ts';
import { MachineBusy } from '../model/errors.ts';
import { grantsDind, keepFailedSeconds } from '../model/schema/config.ts';
import type { RunOfTask } from '../steps/machine-room.ts';
import { MachineRoom } from '../steps/machine-room.ts';
import { logActivities } from './activity-log.ts';
import { clockOffset } from './clock-offset.ts';
import type { DindClaims, ServesDind } from './dind-claims.ts';
import { createDindClaims } from './dind-claims.ts';
import type { Parts } from './parts.ts';
import { roomOfEngine } from './room-of-engine.ts';
import type { RunPart } from './run-slots.ts';
import { RunSlots } from './run-slots.ts';
import { DEAF_MS, runToEnd } from './run-to-end.ts';
import { createHolderNotes } from './holder-notes.ts';
import { knownAs } from './known-as.ts';
import { readServerConfig } from './server-config.ts';
import { startSweeper } from './sweeper.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';

/** More than the slots ever let through: the claims are what is bounded. */
const ENGINE_QUEUE_CONCURRENCY = 200;

/** A claim that is under way when the worker is to end comes to its end: it is short. */
const CLAIM_GRACE_MS = 10_000;

/** A claim that ends so leaves the run to another machine. */
const REFUSALS: ReadonlySet<string> = new Set<ErrorType>(['MachineBusy', 'VersionTooOld']);

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

/** The workers of `runner-<level>` and `runner-dind-<level>` (claims only) and of this engine's own queue. */
export async function createRunnerWorkers(
  parts: Parts,
  connection: NativeConnection,
  { capacity, dind }: { readonly capacity: number; readonly dind: ServesDind },
): Promise<RunnerWorkers> {
  const { connections, store } = parts;
  const engine = await connectEngine({
    address: connections.runnerEngine,
    blobs: store.blobs,
    reach: { kind: 'loopback' },
    fleet: connections.fleet,
    credentials: parts.credentials,
    room: roomOfEngine(parts, { address: connections.runnerEngine, what: 'tasks' }),
  });
  const sweeper = startSweeper(parts, engine);
  const slots = new RunSlots(
    capacity,
    async ({ taskId, run }) => (await store.artifacts.findSaved(taskId, run)) !== undefined,
  );
  const ending = new AbortController();
  const { claimWorker, engineWorker, dindClaims } = await createWorkers(parts, {
    connection,
    engine,
    slots,
    dind,
    ending: ending.signal,
    // One that was given up may have been superseded while nothing was heard of it.
    onTrouble: sweeper.look,
  });
  return {
    run: async () => {
      const running = [claimWorker, engineWorker].map((worker) => runToEnd(worker, parts.logger));
      await Promise.all([...running, dindClaims.run()]);
    },
    drain: async (graceMs) => {
      const grace = AbortSignal.timeout(graceMs);
      slots.close();
      if (claimWorker.getState() === 'RUNNING') claimWorker.shutdown();
      dindClaims.shutDown();
      const hasEnded = (): boolean =>
        ['STOPPED', 'FAILED'].includes(claimWorker.getState()) && dindClaims.hasEnded();
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
    readonly dind: ServesDind;
    readonly ending: AbortSignal;
    readonly onTrouble: () => void;
  },
): Promise<{
  readonly claimWorker: Worker;
  readonly engineWorker: Worker;
  readonly dindClaims: DindClaims;
}> {
  const { connection, engine, slots, ending, onTrouble } = options;
  const { level, connections } = parts;
  const { id: engineId, rootDirectory, ...all } = await engine.info();
  const queue = engineQueueName(level, engineId);
  const deps = {
    ...parts,
    engine,
    fleet: connections.fleet,
    sidecarImage: connections.sidecarImage,
    identity: { worker: parts.worker, engineId, queue },
    peaks: new Map<string, number>(),
    heldSeconds: async () => keepFailedSeconds(await readServerConfig(connections.serverConfig)),
  };
  const machineName = `${hostname()} (Docker Engine at ${engine.address})`;
  const machine = new MachineRoom({
    name: machineName,
    fleet: connections.fleet,
    engine,
    all,
    disk: () => diskOfEngine({ address: engine.address, rootDirectory }),
    clockOffset: clockOffset(parts.store, level),
    isGoingOn: (run) => slots.has(run),
  });
  const claims = createClaimActivities({ ...deps, machine, platform: all.platform });
  const runs = createRunnerActivities(deps, ending);
  const noteHolder = createHolderNotes(parts, engineId);
  const inSlot =
    <I extends RunInput, R>(part: RunPart, work: (input: I) => Promise<R>) =>
    (input: I): Promise<R> =>
      slots
        .during(runOf(input), part, () => work(input))
        .catch((error: unknown) => {
          if (!(error instanceof ApplicationFailure && REFUSALS.has(error.type ?? ''))) onTrouble();
          throw error;
        });
  const claimRun = async (input: ReferableRun): ReturnType<typeof claims.claimRun> => {
    const claim = await inSlot('claim', claims.claimRun)(input);
    // What another machine holds, or is to be asked for, or has its end, occupies nothing here.
    if (!('engineId' in claim) || claim.engineId !== engineId) slots.release(runOf(input));
    return claim;
  };
  const common = {
    connection,
    ...knownAs(parts),
    interceptors: { activity: [logActivities(parts.logger)] },
    ...HEARTBEAT_THROTTLE,
  };
  const fixed = { type: 'fixed-size', numSlots: 1 } as const;
  const claimsOf = (kind: 'runner' | 'runner-dind'): WorkerOptions => ({
    ...common,
    taskQueue: queueName(kind, level),
    activities: { claimRun },
    tuner: {
      activityTaskSlotSupplier: slots.supplier(),
      workflowTaskSlotSupplier: fixed,
      localActivityTaskSlotSupplier: fixed,
      nexusTaskSlotSupplier: fixed,
    },
    // One is enough for claims; what polls here when slots run out takes a run more than there is room for.
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    shutdownGraceTime: CLAIM_GRACE_MS,
    shutdownForceTime: CLAIM_GRACE_MS + DEAF_MS,
  });
  const claimWorker = await Worker.create(claimsOf('runner'));
  const dindClaims = await createDindClaims({
    serves: options.dind,
    isGranted: async () =>
      connections.sidecarImage !== undefined &&
      grantsDind(await readServerConfig(connections.serverConfig), level),
    create: () => Worker.create(claimsOf('runner-dind')),
    logger: parts.logger,
  });
  const engineWorker = await Worker.create({
    ...common,
    taskQueue: queue,
    activities: {
      // By those whose image is here.
      claimRun: (input: ReferableRun) => {
        if (!slots.isFree)
          throw toFailure(new MachineBusy(`The runner of machine ${machineName} has no slot free`));
        return claimRun(input);
      },
      loadImage: inSlot('middle', async (input: RunInput) => {
        const loaded = await runs.loadImage(input);
        noteHolder(input.task.level, loaded);
        return loaded;
      }),
      runContainer: inSlot('middle', runs.runContainer),
      saveArtifacts: inSlot('last', runs.saveArtifacts),
    },
    maxConcurrentActivityTaskExecutions: ENGINE_QUEUE_CONCURRENCY,
    shutdownForceTime: DEAF_MS,
  });
  return { claimWorker, engineWorker, dindClaims };
}

function runOf({ task, run }: RunInput): RunOfTask {
  return { taskId: task.taskId, run };
}
