import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import type { WorkflowBundle } from '@temporalio/worker';
import { historiesOf } from '../../test/helpers/histories-of.ts';
import {
  aPush,
  aTask,
  createEnvironment,
  planned,
  testBundle,
  World,
} from '../../test/helpers/workflow-world.ts';

/** One size, measured in turns: seconds of each run. */
export interface Throughput {
  readonly tasks: number;
  readonly push: readonly number[];
  readonly bare: readonly number[];
  /** The longest history of the push. */
  readonly events: number;
  readonly bytes: number;
  /** The most memory that this process, which is worker and client, held meanwhile. */
  readonly peakRssBytes: number;
}

/**
 * Pushes of tasks without an image, a container or a store, whose activities do nothing, against a bare parent with as many
 * children of as many activities: same server, same worker, taking turns.
 */
export async function throughTemporal({
  sizes,
  say,
}: {
  readonly sizes: readonly { readonly tasks: number; readonly runs: number }[];
  readonly say: (line: string) => void;
}): Promise<readonly Throughput[]> {
  const env = await createEnvironment();
  try {
    const world = new World(env);
    const bundle = await bareBundle();
    const results: Throughput[] = [];
    for (const { tasks, runs } of sizes) {
      const push: number[] = [];
      const bare: number[] = [];
      const longest = { events: 0, bytes: 0 };
      let peakRssBytes = 0;
      const watch = setInterval(
        () => (peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss())),
        200,
      );
      for (let run = 0; run < runs; run += 1) {
        const id = await timed(push, () => onePush(world, tasks));
        for (const { events, bytes } of await historiesOf(env.client, id)) {
          longest.events = Math.max(longest.events, events);
          longest.bytes = Math.max(longest.bytes, bytes);
        }
        await timed(bare, () => oneBare(world, bundle, tasks));
        say(`${tasks} tasks: push ${push.at(-1)?.toFixed(1)} s, bare ${bare.at(-1)?.toFixed(1)} s`);
      }
      clearInterval(watch);
      results.push({ tasks, push, bare, ...longest, peakRssBytes });
    }
    return results;
  } finally {
    await env.teardown();
  }
}

async function timed<T>(
  seconds: number[],
  work: () => Promise<{ readonly result: T; readonly ms: number }>,
): Promise<T> {
  const { result, ms } = await work();
  seconds.push(ms / 1000);
  return result;
}

async function onePush(world: World, tasks: number): Promise<{ result: string; ms: number }> {
  world.plan = () => planned(Array.from({ length: tasks }, (_, i) => aTask(`test/suite/${i}`)));
  return withWorkers(world, await testBundle(), async () => {
    const push = await world.startPush(aPush());
    const { state } = await push.result();
    if (state !== 'completed') throw new Error(`The push ended ${state}`);
    return push.id;
  });
}

async function oneBare(
  world: World,
  bundle: WorkflowBundle,
  tasks: number,
): Promise<{ result: void; ms: number }> {
  return withWorkers(world, bundle, async () => {
    await world.env.client.workflow.execute('bare', {
      workflowId: `bare/${randomUUID()}`,
      taskQueue: 'control-1',
      args: [tasks],
    });
  });
}

/** The same three queues for both; only the time of the work counts, not that of the workers' start and end. */
async function withWorkers<T>(
  world: World,
  workflowBundle: WorkflowBundle,
  work: () => Promise<T>,
): Promise<{ result: T; ms: number }> {
  const common = { connection: world.env.nativeConnection, activities: world.activities() };
  const workers = await Promise.all([
    Worker.create({ ...common, workflowBundle, taskQueue: 'control-1', maxCachedWorkflows: 600 }),
    ...['runner-1', 'runner-1@engine'].map((taskQueue) => Worker.create({ ...common, taskQueue })),
  ]);
  const running = workers.map((worker) => worker.run());
  try {
    const began = performance.now();
    const result = await work();
    return { result, ms: performance.now() - began };
  } finally {
    for (const worker of workers) worker.shutdown();
    await Promise.all(running);
  }
}

function bareBundle(): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    logger: new DefaultLogger('ERROR'),
    workflowsPath: fileURLToPath(new URL('bare/workflows.ts', import.meta.url)),
  });
}
