import { activityInfo, CancelledFailure, Context, log } from '@temporalio/activity';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { isSlipwayError } from '../model/errors.ts';
import { HEARTBEAT_TIMEOUT_MS } from '../model/pure/heartbeats.ts';
import { countOverruns } from './count-overruns.ts';
import { countsStill } from './counts-still.ts';
import type { StepContext } from '../steps/step-context.ts';
import { toFailure } from './to-failure.ts';

/** One beat in this time: cancels arrive with the answers. The worker throttles to the same. */
const HEARTBEAT_INTERVAL_MS = 500;

const GIVEN_UP = 'This attempt was given up';

export interface CarryOutOptions {
  /** Aborted when this worker's time to finish is over: the step stops, and its run ends with it. */
  readonly ending?: AbortSignal;
  /** From this attempt on an error is final, but for those of a part that is away. Default: it is up to the retry policy. */
  readonly enoughAttempts?: number;
}

/**
 * Carries a step out as an activity: beats all the while, hands cancellation on, maps errors. A cancel that was
 * wished for ends as cancelled; a worker that ends in good order as `WorkerShutdown`, which ends the run; every other
 * stop as one that another attempt makes good.
 */
export async function carryOut<T>(
  step: (context: StepContext) => Promise<T>,
  { ending, enoughAttempts = Infinity }: CarryOutOptions = {},
): Promise<T> {
  const activity = Context.current();
  const beats = beatWhile(activity);
  const signal = AbortSignal.any([
    activity.cancellationSignal,
    beats.missed,
    ...(ending === undefined ? [] : [ending]),
  ]);
  const isGivenUp = (): boolean => {
    const { notFound, timedOut } = activity.cancellationDetails ?? {};
    return beats.areMissed() || notFound === true || timedOut === true;
  };
  const context: StepContext = {
    signal,
    isCanceled: () => activity.cancellationDetails?.cancelRequested ?? false,
    isGivenUp,
    attempts: { made: activity.info.attempt, enough: enoughAttempts },
    toldBefore: toldOf(activity.info.heartbeatDetails, 'message'),
    course: beats.course,
    onProgress: beats.tell,
  };
  try {
    if (!(await countsStill(activity))) throw ApplicationFailure.retryable(GIVEN_UP, 'WorkerShutdown');
    const { times, wasLast } = await countOverruns(activity);
    beats.keep(times);
    const limitMs = activity.info.startToCloseTimeoutMs;
    return await step(wasLast ? { ...context, overran: { times, limitMs } } : context);
  } catch (error) {
    if (!signal.aborted) throw failureOf(error, { isEnough: activity.info.attempt >= enoughAttempts });
    if (context.isCanceled()) throw new CancelledFailure('cancelled');
    const isEnd = ending?.aborted === true && !activity.cancellationSignal.aborted && !beats.areMissed();
    if (isEnd)
      throw ApplicationFailure.nonRetryable(
        'The worker was shut down, and its time to finish was over',
        'WorkerShutdown',
      );
    // Not wished for: the process ends, or the server gave this attempt up. Another one adopts what is there.
    throw ApplicationFailure.retryable(GIVEN_UP, 'WorkerShutdown');
  } finally {
    beats.stop();
  }
}

interface Beats {
  readonly tell: StepContext['onProgress'];
  /** The next attempt is given with the last beat how far this one has come. */
  readonly course: NonNullable<StepContext['course']>;
  /** So many attempts have overrun by now, for the one that may come after this. */
  keep(overruns: number): void;
  /** Aborted when it comes to light that the process stood still for so long that the server has given the attempt up. */
  readonly missed: AbortSignal;
  /** The same, and aborts it, also before the timers of a process that goes on again have run. */
  areMissed(): boolean;
  stop(): void;
}

function beatWhile(activity: Context): Beats {
  const missed = new AbortController();
  let told: object = { ...(activity.info.heartbeatDetails as object | undefined) };
  const after = toldOf(told, 'past');
  /** What goes along with whatever is told, for the next attempt. */
  const kept: { past: string | undefined; overruns?: number } = { past: after };
  let last = performance.now();
  const areMissed = (): boolean => {
    if (performance.now() - last > HEARTBEAT_TIMEOUT_MS)
      missed.abort(new Error('The process stood still for too long'));
    return missed.signal.aborted;
  };
  const beat = (): void => {
    areMissed();
    last = performance.now();
    activity.heartbeat({ ...told, ...kept });
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  return {
    tell: (progress) => {
      told = progress;
    },
    course: {
      after,
      onPast(key) {
        kept.past = key;
      },
    },
    keep: (overruns) => {
      if (overruns === 0) return;
      kept.overruns = overruns;
      // At once: an attempt may fail before its first beat.
      beat();
    },
    missed: missed.signal,
    areMissed,
    stop: () => clearInterval(timer),
  };
}

function toldOf(details: unknown, part: 'message' | 'past'): string | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const told: unknown = Reflect.get(details, part);
  return typeof told === 'string' ? told : undefined;
}

function failureOf(error: unknown, enough: { readonly isEnough: boolean }): unknown {
  if (!isSlipwayError(error) && !(error instanceof TemporalFailure)) {
    log.error('An activity met an error that it does not know', {
      error,
      activity: activityInfo().activityType,
    });
  }
  return toFailure(error, enough);
}
