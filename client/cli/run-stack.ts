import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SetupFailed } from '../../model/errors.ts';
import type { Connections } from '../../model/schema/connections.ts';
import { serverConfigPath } from '../../model/server-config-path.ts';
import type { StackProgress } from '../../stack/stack-options.ts';
import { findStack } from '../../stack/find-stack.ts';
import { findOwner } from '../../stack/stack-owner.ts';
import { startStack } from '../../stack/start-stack.ts';
import { statePaths } from '../../stack/state-directory.ts';
import { findServerConfig } from '../../workers/server-config.ts';
import { ownCommand } from './own-command.ts';
import { servedLevels } from './served-levels.ts';

/** Whoever types `down` wants it down: what has not finished by then runs anew after the next `up`. */
const GRACE_SECONDS = 5;

/** Workers bundle the workflow code at their first start. */
const READY_WITHIN_MS = 120_000;
const POLL_MS = 100;

export interface RunStackOptions {
  readonly stateDirectory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: StackProgress) => void;
  /** Ends starting; a stack that runs is ended by its `stop`. */
  readonly signal: AbortSignal;
}

export interface WholeStack {
  readonly connections: Connections;
  stop(): Promise<void>;
}

/** Starts the stack with one worker process a level and waits until every queue is polled. @throws {SetupFailed} */
export async function runStack(options: RunStackOptions): Promise<WholeStack> {
  const { stateDirectory, env, onProgress, signal } = options;
  const { runtime, logs } = statePaths(stateDirectory);
  // One that is broken is told of by the doctor, and by every push; whatever it says, the stack can start.
  const config = await findServerConfig(serverConfigPath(stateDirectory, env)).catch(() => undefined);
  const workers = servedLevels(config).map((level) => ({
    name: `worker-${level}`,
    level,
    readyFile: join(runtime, `worker-${level}.ready`),
  }));
  // What a killed predecessor left would say that they are ready.
  for (const { readyFile } of workers) await rm(readyFile, { force: true });
  const stack = await startStack({
    ...options,
    workers: workers.map(({ name, level, readyFile }) => ({
      name,
      command: ownCommand(
        ...['worker', 'all', '--level', `${level}`, '--ready-file', readyFile],
        ...['--grace', `${GRACE_SECONDS}`],
      ),
      env: {},
    })),
  });
  try {
    const began = performance.now();
    onProgress({
      part: 'workers',
      state: 'start',
      message: 'wait until every queue is polled',
      elapsedMs: 0,
    });
    for (const { name, readyFile } of workers)
      await waitForFile(readyFile, { name, log: join(logs, `${name}.log`), began, signal });
    onProgress({
      part: 'workers',
      state: 'done',
      message: 'are ready',
      elapsedMs: performance.now() - began,
    });
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The stack of a state directory that another process runs; undefined when none does. */
export async function findRunningStack(stateDirectory: string): Promise<Connections | undefined> {
  const owner = await findOwner(statePaths(stateDirectory));
  return owner ? findStack(stateDirectory) : undefined;
}

async function waitForFile(
  path: string,
  {
    name,
    log,
    began,
    signal,
  }: { readonly name: string; readonly log: string; readonly began: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!(await exists(path))) {
    if (performance.now() - began > READY_WITHIN_MS)
      throw new SetupFailed(
        `${name} is not ready`,
        `it took longer than ${READY_WITHIN_MS / 1000} s`,
        `Its log is ${log}`,
      );
    await delay(POLL_MS, undefined, { signal });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
