import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { createControlActivities } from '../activities/control.ts';
import { queueName } from '../model/pure/ids.ts';
import { contextHashesOf } from './context-hashes.ts';
import { describeError } from './describe-error.ts';
import { hostPlatform } from './host-platform.ts';
import { knownAs } from './known-as.ts';
import { logActivities } from './activity-log.ts';
import type { Parts } from './parts.ts';
import { DEAF_MS } from './run-to-end.ts';
import { readServerConfig } from './server-config.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** The worker of `control-<level>`: all workflows of the level, and the activities that decide and record. */
export async function createControlWorker(
  parts: Parts,
  connection: NativeConnection,
  client: Client,
): Promise<Worker> {
  const { connections, level, logger, store } = parts;
  const platform = hostPlatform();
  // Only for those who ask from elsewhere: no reason to wait for a store that is away.
  void store.platforms
    .note(level, platform)
    .catch((error: unknown) =>
      logger.warn({ error: describeError(error) }, 'The platform of images was not noted'),
    );
  return Worker.create({
    connection,
    ...knownAs(parts),
    taskQueue: queueName('control', level),
    workflowBundle: await workflowBundle(connections.stateDirectory, logger),
    activities: createControlActivities({
      ...parts,
      client,
      readServerConfig: () => readServerConfig(connections.serverConfig),
      platform,
      contextHashes: contextHashesOf(connections.stateDirectory),
    }),
    interceptors: { activity: [logActivities(parts.logger)] },
    maxCachedWorkflows: 600,
    maxConcurrentActivityTaskExecutions: 40,
    // What records an end does not hear of it, and joins a log for hours where that is long.
    shutdownForceTime: DEAF_MS,
    ...HEARTBEAT_THROTTLE,
  });
}
