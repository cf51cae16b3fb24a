import type { ActivityOptions, RetryPolicy } from '@temporalio/workflow';
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  BuilderActivities,
  ClaimActivities,
  CollectActivities,
  ControlActivities,
  ReclaimActivities,
  ReferringActivities,
  RunnerActivities,
  SettleActivities,
} from '../activities/contracts.ts';
import { HEARTBEAT_TIMEOUT_MS } from '../model/pure/heartbeats.ts';
import type { Level } from '../model/pure/ids.ts';
import { queueName } from '../model/pure/ids.ts';
import type { TaskInput } from '../model/pure/payloads.ts';

/** An engine's queue that nobody polls for this long is a machine that is gone. */
const ENGINE_QUEUE_PATIENCE = '30s';

/** An engine that has an image answers sooner than it is loaded elsewhere, or not at all. */
const HOLDER_PATIENCE = '5s';

const PATIENT: RetryPolicy = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '15s' };

/**
 * Short steps against the store. They outlast one that is away for minutes. A cancel waits for their end, so that nothing
 * that they do comes after what undoes it.
 */
export function controlActivities(level: Level): Omit<ControlActivities, 'planPush'> {
  return proxyActivities<Omit<ControlActivities, 'planPush'>>({
    ...control(level),
    scheduleToCloseTimeout: '30m',
  });
}

/**
 * Planning fetches the repository, the first time with all of its history, and has as long for that as builders: an attempt that is
 * ended sooner keeps nothing of it. Attempts that find a repository away take seconds, so that these are half an hour.
 */
export function planActivities(level: Level): Pick<ControlActivities, 'planPush'> {
  return proxyActivities<Pick<ControlActivities, 'planPush'>>({
    ...control(level),
    startToCloseTimeout: '2h',
    scheduleToCloseTimeout: '5h',
    retry: { ...PATIENT, maximumAttempts: 120 },
  });
}

type RecordActivities = Pick<
  ControlActivities,
  'recordImage' | 'recordRun' | 'recordUnstarted' | 'recordPush'
>;

/**
 * What happened is recorded even when the store was away for long: without it readers would wait for ever. With the end of a run its
 * log is joined, which of hundreds of GB takes as long as moving artifacts.
 */
export function recordActivities(level: Level): RecordActivities {
  return proxyActivities<RecordActivities>({
    ...control(level),
    startToCloseTimeout: '2h',
    scheduleToCloseTimeout: '1d',
  });
}

/** A look that fails is not repeated: the schedule brings the next one. */
export function settleActivities(level: Level): SettleActivities {
  return proxyActivities<SettleActivities>({
    ...control(level),
    scheduleToCloseTimeout: '10m',
    retry: { maximumAttempts: 1 },
  });
}

/** Walks the whole store: hours where that is large. What an attempt has taken away the next one need not. */
export function collectActivities(level: Level): CollectActivities {
  return proxyActivities<CollectActivities>({
    ...control(level),
    startToCloseTimeout: '12h',
    retry: { ...PATIENT, maximumAttempts: 5 },
  });
}

function control(level: Level): ActivityOptions {
  return {
    taskQueue: queueName('control', level),
    startToCloseTimeout: '10m',
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: PATIENT,
  };
}

/** Builds: long, heartbeating, repeated on another builder when one is lost. */
export function builderActivities(level: Level, summary: string): BuilderActivities {
  return proxyActivities<BuilderActivities>({
    taskQueue: queueName('builder', level),
    summary,
    startToCloseTimeout: '2h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Attempts without an engine or a store take seconds, so that these are a quarter of an hour; without a network ten minutes each.
    // Other errors are final sooner.
    retry: { ...PATIENT, maximumAttempts: 60 },
  });
}

/** The claim of a run waits in the shared queue for as long as it takes some runner to be free. */
export function claimActivities(task: Claimed): ClaimActivities {
  return proxyActivities<ClaimActivities>(claim(task));
}

/** The same, where the answer may be that another engine has the image. */
export function referringActivities(task: Claimed): ReferringActivities {
  return proxyActivities<ReferringActivities>(claim(task));
}

/** The question to one engine whether it takes a run: it answers at once, or is not worth waiting for. */
export function holderActivities(queue: string): ClaimActivities {
  return proxyActivities<ClaimActivities>({
    taskQueue: queue,
    scheduleToStartTimeout: HOLDER_PATIENCE,
    startToCloseTimeout: '10s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { maximumAttempts: 1 },
  });
}

type Claimed = Pick<TaskInput, 'level' | 'dind'>;

function claim({ level, dind }: Claimed): ActivityOptions {
  return {
    taskQueue: queueName(dind ? 'runner-dind' : 'runner', level),
    startToCloseTimeout: '1m',
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    // A claim writes the task's record, which must not come after the record of the cancel.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { ...PATIENT, nonRetryableErrorTypes: ['RunSuperseded'] },
  };
}

/**
 * The question who stands beside the engine of a run that is claimed: of those whose machine is free, and before all that
 * waits for one. When all are busy nobody answers it.
 */
export function reclaimActivities(task: Claimed): ReclaimActivities {
  return proxyActivities<ReclaimActivities>({
    ...claim(task),
    scheduleToStartTimeout: ENGINE_QUEUE_PATIENCE,
    priority: { priorityKey: 1 },
  });
}

/** Steps beside one engine. Schedule-to-start bounds the retries too: it tells "machine gone" from "worker restarted". */
export function runnerActivities(
  queue: string,
  {
    summary,
    startToCloseSeconds,
    maximumAttempts = 10,
  }: {
    readonly summary: string;
    readonly startToCloseSeconds: number;
    readonly maximumAttempts?: number;
  },
): RunnerActivities {
  return proxyActivities<RunnerActivities>({
    taskQueue: queue,
    summary,
    scheduleToStartTimeout: ENGINE_QUEUE_PATIENCE,
    startToCloseTimeout: startToCloseSeconds * 1000,
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // Another machine may have the space that this one lacks: a new run finds it.
    retry: { ...PATIENT, maximumAttempts, nonRetryableErrorTypes: ['EngineOutOfSpace'] },
  });
}
