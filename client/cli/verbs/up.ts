import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface UpArgs {
  readonly detach: boolean;
}

export const upVerb = defineVerb<UpArgs>({
  command: 'up',
  describe: 'Set up and start everything on this machine: Temporal, store, engine, workers',
  options: (cli) =>
    cli
      .option('detach', {
        type: 'boolean',
        alias: 'd',
        default: false,
        describe: 'Return when everything answers and leave it running',
      })
      .example('$0 up', 'Until Ctrl-C')
      .example('$0 up --detach && slipway push --watch', 'Start, then push'),
  run: ({ detach }, session) => (detach ? upDetached(session) : up(session)),
});

/** Runs in the foreground; Ctrl-C and SIGTERM are its good end. */
async function up({ terminal, env, signal }: Session): Promise<ExitCode> {
  const [{ runStack }, { renderProgress, renderStack }, { stateDirectoryToFill }, { tellParent }] =
    await Promise.all([
      import('../run-stack.ts'),
      import('../render/stack-text.ts'),
      import('../../../workers/connections.ts'),
      import('../detached-up.ts'),
    ]);
  const stack = await runStack({
    stateDirectory: stateDirectoryToFill(env),
    env,
    signal,
    onProgress: (line) => {
      terminal.note(renderProgress(line));
      tellParent({ kind: 'progress', line });
    },
  }).catch((error: unknown) => {
    tellParent({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
    throw error;
  });
  try {
    terminal.print('Slipway runs:');
    for (const line of renderStack(stack.connections)) terminal.print(line);
    tellParent({ kind: 'ready', connections: stack.connections });
    terminal.note('Ctrl-C stops all of it.');
    await aborted(signal);
    terminal.note('Stopping…');
  } finally {
    await stack.stop();
  }
  terminal.note('Stopped.');
  return EXIT.good;
}

async function upDetached({ terminal, env, signal }: Session): Promise<ExitCode> {
  const [{ startDetached }, { findRunningStack }, { renderProgress, renderStack }, { stateDirectoryToFill }] =
    await Promise.all([
      import('../detached-up.ts'),
      import('../run-stack.ts'),
      import('../render/stack-text.ts'),
      import('../../../workers/connections.ts'),
    ]);
  const directory = stateDirectoryToFill(env);
  const running = await findRunningStack(directory);
  if (running) terminal.note('slipway: it runs already');
  const connections =
    running ??
    (await startDetached({
      stateDirectory: directory,
      env,
      signal,
      onProgress: (line) => terminal.note(renderProgress(line)),
    }));
  terminal.print('Slipway runs:');
  for (const line of renderStack(connections)) terminal.print(line);
  terminal.note('slipway down stops all of it.');
  return EXIT.good;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // A pending promise keeps no process alive; the timer does.
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(alive);
}
