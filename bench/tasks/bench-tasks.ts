import type { StackOptions } from '../../stack/stack-options.ts';
import { setUp } from '../../stack/set-up.ts';
import { startStack } from '../../stack/start-stack.ts';
import { testEnvironment } from '../../test/helpers/test-environment.ts';
import { tasksReport } from './report.ts';

export interface BenchTasksOptions {
  readonly stack: StackOptions;
  readonly runs: number;
  /** Tasks of the large push. */
  readonly tasks: number;
  /** Of what the task prints that prints very much. */
  readonly logMegabytes: number;
  readonly command: string;
  readonly say: (line: string) => void;
}

const SMALL = 500;
const MIDDLE = 1_000;
const LARGE_RUNS = 1;

/** Measures tasks and pushes on a stack of its own; gives the report's section. */
export async function benchTasks({
  stack: options,
  runs,
  tasks,
  logMegabytes,
  command,
  say,
}: BenchTasksOptions): Promise<string> {
  const tools = await setUp(options);
  const stack = await startStack(options);
  try {
    Object.assign(process.env, testEnvironment(stack, tools.temporal));
    // They look at this environment when they are loaded.
    const [{ World }, { throughTemporal }, ...parts] = await Promise.all([
      import('../../test/helpers/world.ts'),
      import('./through-temporal.ts'),
      import('./start-latency.ts'),
      import('./log-latency.ts'),
      import('./cancel-latency.ts'),
      import('./large-log.ts'),
      import('./many-pushes.ts'),
      import('./several-runners.ts'),
    ]);
    const [
      { startLatency },
      { logLatency },
      { cancelLatency },
      { largeLog },
      { manyPushes },
      { severalRunners },
    ] = parts;
    const { signal } = options;
    const interrupted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    interrupted.catch(() => undefined);
    const step = <T>(what: string, work: Promise<T>): Promise<T> => {
      say(what);
      // What is left behind at an interruption fails when its parts go, and shall not end the process before they have.
      work.catch(() => undefined);
      return Promise.race([work, interrupted]);
    };
    await using world = await World.open();
    const worker = await world.startWorker(1, ['all']);
    const start = await step(
      'start of a task against docker run',
      startLatency(world, { rounds: runs, perRound: 10 }),
    );
    const log = await step('a line to its reader', logLatency(world, { lines: 300 }));
    const cancel = await step('cancel to dead container', cancelLatency(world, { runs: 20 }));
    const pushes = await step('100 pushes that need one image', manyPushes(world, { pushes: 100 }));
    const runners = await step('one and two runner processes', severalRunners(world, { tasks: 60, runs }));
    const large = await step(
      `a log of ${logMegabytes} MB`,
      largeLog(world, { bytes: logMegabytes * 1e6, workerPid: worker.pid }),
    );
    await worker.stop();
    const sizes = [
      { tasks: SMALL, runs },
      { tasks: MIDDLE, runs },
      { tasks, runs: LARGE_RUNS },
    ];
    const throughput = await step('no-op tasks through Temporal', throughTemporal({ sizes, say }));
    return tasksReport({ start, log, cancel, large, pushes, runners, throughput }, command);
  } finally {
    await stack.stop();
  }
}
