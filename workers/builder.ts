import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { createBuilderActivities } from '../activities/builder.ts';
import { DEFAULT_MOUNT_LIMIT, parseMountLimit } from '../model/mount-limit.ts';
import { queueName } from '../model/pure/ids.ts';
import { AfterwardsQueue } from './afterwards.ts';
import { BuilderEngines } from './builder-engines.ts';
import { logActivities } from './activity-log.ts';
import { knownAs } from './known-as.ts';
import type { Parts } from './parts.ts';
import { DEAF_MS } from './run-to-end.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';

/** Builds side by side on one machine; each is parallel in itself. */
const CONCURRENT_BUILDS = 2;

/** What is done when nobody waits any more may take this long when the worker ends. */
const AFTERWARDS_MS = 20_000;

/** The worker of `builder-<level>`; builds that go on when it is to end may finish within the grace time. */
export async function createBuilderWorker(
  parts: Parts,
  connection: NativeConnection,
  { graceMs }: { readonly graceMs: number },
): Promise<{ worker: Worker; close(): Promise<void> }> {
  const engines = new BuilderEngines(parts);
  const { store, plans, source, connections } = parts;
  const afterwards = new AfterwardsQueue(parts.logger);
  const worker = await Worker.create({
    connection,
    ...knownAs(parts),
    taskQueue: queueName('builder', parts.level),
    activities: createBuilderActivities({
      store,
      plans,
      source,
      worker: parts.worker,
      withEngine: engines.lend,
      mountLimitBytes: parseMountLimit(connections.cacheMountLimit ?? DEFAULT_MOUNT_LIMIT) ?? 0,
      afterwards: afterwards.add,
      withHostEngine: (work) => engines.lendHost(work),
    }),
    interceptors: { activity: [logActivities(parts.logger)] },
    maxConcurrentActivityTaskExecutions: CONCURRENT_BUILDS,
    // Builds that take longer are stopped then and begun anew by the next builder.
    shutdownGraceTime: graceMs,
    shutdownForceTime: graceMs + DEAF_MS,
    ...HEARTBEAT_THROTTLE,
  });
  return {
    worker,
    close: async () => {
      await afterwards.close(Math.min(graceMs, AFTERWARDS_MS));
      await engines.close();
    },
  };
}
