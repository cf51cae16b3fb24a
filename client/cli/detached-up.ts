import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailed } from '../../model/errors.ts';
import { makeStateDirectory } from '../../model/make-state-directory.ts';
import type { Connections } from '../../model/schema/connections.ts';
import type { StackProgress } from '../../stack/stack-options.ts';
import { ownCommand } from './own-command.ts';
import type { RunStackOptions } from './run-stack.ts';

/** What an `up` that was started by `up --detach` says to it. */
export type UpMessage =
  | { readonly kind: 'progress'; readonly line: StackProgress }
  | { readonly kind: 'ready'; readonly connections: Connections }
  | { readonly kind: 'failed'; readonly why: string };

/** Tells the `up --detach` that started this process; says nothing when a person did, or when it is gone. */
export function tellParent(message: UpMessage): void {
  if (process.send === undefined || !process.connected) return;
  process.send(message, undefined, undefined, () => undefined);
}

/** Starts `up` in a process of its own that stays, and waits until it says that everything answers. @throws {SetupFailed} */
export async function startDetached(options: RunStackOptions): Promise<Connections> {
  const { stateDirectory, env, onProgress, signal } = options;
  await makeStateDirectory(stateDirectory);
  const logs = join(stateDirectory, 'logs');
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const path = join(logs, 'up.log');
  const log = await open(path, 'a', 0o600);
  const [program, ...args] = ownCommand('up');
  const child = spawn(program, args, {
    env: { ...env, SLIPWAY_HOME: stateDirectory },
    // A group of its own: Ctrl-C in this terminal is not for it.
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  const interrupt = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await ready(child, { onProgress, path, signal });
  } finally {
    signal.removeEventListener('abort', interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function ready(
  child: ChildProcess,
  { onProgress, path, signal }: Pick<RunStackOptions, 'onProgress' | 'signal'> & { readonly path: string },
): Promise<Connections> {
  return new Promise((resolve, reject) => {
    let why = '';
    child.on('message', (message: UpMessage) => {
      switch (message.kind) {
        case 'progress':
          return onProgress(message.line);
        case 'ready':
          return resolve(message.connections);
        case 'failed':
          why = message.why;
      }
    });
    child.once('error', reject);
    child.once('exit', (code, signalName) => {
      if (signal.aborted) return reject(signal.reason);
      const ended = why || `up ended with ${code ?? signalName}`;
      reject(new SetupFailed('The stack did not start', ended, `Its log is ${path}`));
    });
  });
}
