import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { RunInput } from '../model/pure/payloads.ts';
import { createClaimActivities, createRunnerActivities } from '../activities/runner.ts';
import type { Engine } from '../docker/engine.ts';
import { connectEngine } from '../docker/connect.ts';
import { sweepContainers } from '../docker/sweep.ts';
import { engineQueueName, queueName } from '../model/pure/ids.ts';
import { logActivities } from './activity-log.ts';
import type { Parts } from './parts.ts';
import { isNobodys } from './nobodys.ts';
import { RunSlots } from './run-slots.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';

const SWEEP_INTERVAL_MS = 60_000;

/** More than the slots ever let through: the claims are what is bounded. */
const ENGINE_QUEUE_CONCURRENCY = 200;

export interface RunnerWorkers {
  readonly workers: readonly Worker[];
  close(): Promise<void>;
}

/** The workers of `runner-<level>` (claims only) and of this engine's own queue. */
export async function createRunnerWorkers(
  parts: Parts,
  connection: NativeConnection,
  { capacity }: { readonly capacity: number },
): Promise<RunnerWorkers> {
  const { connections, level, store } = parts;
  const { fleet } = connections;
  const engine = await connectEngine({
    address: connections.runnerEngine,
    blobs: store.blobs,
    reach: { kind: 'loopback' },
    fleet,
  });
  const { id: engineId } = await engine.info();
  const queue = engineQueueName(level, engineId);
  const slots = new RunSlots(capacity);
  const deps = { ...parts, engine, fleet, identity: { worker: parts.worker, engineId, queue } };
  const claims = createClaimActivities(deps);
  const runs = createRunnerActivities(deps);
  const common = {
    connection,
    namespace: connections.temporal.namespace,
    identity: parts.worker,
    interceptors: { activity: [logActivities(parts.logger)] },
    ...HEARTBEAT_THROTTLE,
  };
  const fixed = { type: 'fixed-size', numSlots: 1 } as const;
  const claimWorker = await Worker.create({
    ...common,
    taskQueue: queueName('runner', level),
    activities: {
      claimRun: (input: RunInput) =>
        slots.during(runKey(input), () => claims.claimRun(input), { last: false }),
    },
    tuner: {
      activityTaskSlotSupplier: slots.supplier,
      workflowTaskSlotSupplier: fixed,
      localActivityTaskSlotSupplier: fixed,
      nexusTaskSlotSupplier: fixed,
    },
  });
  const engineWorker = await Worker.create({
    ...common,
    taskQueue: queue,
    activities: {
      loadImage: (input: Parameters<typeof runs.loadImage>[0]) =>
        slots.during(runKey(input), () => runs.loadImage(input), { last: false }),
      runContainer: (input: Parameters<typeof runs.runContainer>[0]) =>
        slots.during(runKey(input), () => runs.runContainer(input), { last: false }),
      saveArtifacts: (input: Parameters<typeof runs.saveArtifacts>[0]) =>
        slots.during(runKey(input), () => runs.saveArtifacts(input), { last: true }),
    },
    maxConcurrentActivityTaskExecutions: ENGINE_QUEUE_CONCURRENCY,
  });
  const stopSweeping = sweepRegularly(parts, engine);
  return {
    workers: [claimWorker, engineWorker],
    close: async () => {
      stopSweeping();
      await engine.close();
    },
  };
}

function runKey({ task, run }: RunInput): string {
  return `${task.taskId}#${run}`;
}

/** At start and from time to time: what is labelled ours and nobody's any more is removed. */
function sweepRegularly({ store, connections, level, logger }: Parts, engine: Engine): () => void {
  const sweep = async (): Promise<void> => {
    try {
      const isGone = (container: { readonly labels: Readonly<Record<string, string>> }): Promise<boolean> =>
        isNobodys(store, container.labels, level);
      await sweepContainers(engine, { fleet: connections.fleet, isNobodys: isGone });
    } catch (error) {
      logger.warn({ error }, 'The sweep failed; it is tried again');
    }
  };
  void sweep();
  const timer = setInterval(() => void sweep(), SWEEP_INTERVAL_MS);
  return () => clearInterval(timer);
}
