import { endRecordedProcesses } from './end-recorded-processes.ts';
import { endStack } from './end-stack.ts';
import type { StopReport } from './end-stack.ts';
import { findStack } from './find-stack.ts';
import { isGoneWithin } from './end-process.ts';
import { removeProcessRecords } from './process-records.ts';
import { purgeState } from './purge-state.ts';
import { findSettings } from './settings.ts';
import { clearOwner, findOwner } from './stack-owner.ts';
import { statePaths } from './state-directory.ts';
import { stopOwnStack } from './start-stack.ts';

export type { StopReport };

export interface StopOptions {
  readonly stateDirectory: string;
  /** Delete the data too: database, objects, images, logs. A server configuration that somebody edited stays. */
  readonly purge: boolean;
  /** Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** An owner ends workers, containers and services one after the other. */
const OWNER_GRACE_MS = 90_000;

/**
 * Stops the stack of a state directory from any process: asks the `up` that owns it by SIGTERM and waits for it, then ends
 * and removes whatever is left by the records. Safe to repeat and safe after a killed `up`.
 */
export async function stopStack(options: StopOptions): Promise<StopReport> {
  const paths = statePaths(options.stateDirectory);
  const env = options.env ?? process.env;
  const connections = await findStack(options.stateDirectory).catch(() => undefined);
  const settings = await findSettings(paths).catch(() => undefined);

  await stopOwnStack(paths.root);
  const owner = await findOwner(paths);
  if (owner && owner.pid !== process.pid) await askToEnd(owner);

  const report = await endStack(paths, {
    settings,
    engine: connections?.runnerEngine,
    env,
    endWorkers: () => endRecordedProcesses(paths, 'worker'),
    endServices: () => endRecordedProcesses(paths, 'service'),
  });
  await removeProcessRecords(paths.processes);
  await clearOwner(paths);
  if (options.purge) await purgeState(paths);
  return { ...report, purged: options.purge };
}

/** One that does not end in time is killed, so that it starts nothing again behind our back. */
async function askToEnd(owner: Parameters<typeof isGoneWithin>[0]): Promise<void> {
  for (const [name, timeoutMs] of [
    ['SIGTERM', OWNER_GRACE_MS],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(owner.pid, name);
    } catch {
      return;
    }
    if (await isGoneWithin(owner, timeoutMs)) return;
  }
}
