import type { Engine } from '../../docker/engine.ts';
import type { TerminalSize } from '../../docker/containers/exec-in-container.ts';

/** The better shell where it is there. */
export const SHELL = [
  '/bin/sh',
  '-c',
  'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi',
];

export interface JoinedStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Starts a shell in a running container and hands it what a person types, keys like Ctrl-C included, and the size of the
 * terminal; without a terminal, what is piped in. Gives the shell's exit code.
 */
export async function joinShell(
  engine: Engine,
  container: string,
  { signal, streams = process }: { readonly signal: AbortSignal; readonly streams?: JoinedStreams },
): Promise<number> {
  const { stdin, stdout, stderr } = streams;
  const hasTerminal = stdin.isTTY === true && stdout.isTTY === true;
  const size = (): TerminalSize => ({ columns: stdout.columns, rows: stdout.rows });
  const exec = await engine.containers.exec(container, {
    command: SHELL,
    ...(hasTerminal ? { terminal: size(), env: { TERM: process.env['TERM'] ?? 'xterm' } } : {}),
    signal,
  });
  const resize = (): void => void exec.resize(size()).catch(() => undefined);
  // Of a connection that breaks the exit code tells.
  exec.stdin.on('error', () => undefined);
  exec.stdout.on('error', () => undefined);
  if (hasTerminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
  }
  try {
    stdin.pipe(exec.stdin);
    await Promise.all([copy(exec.stdout, stdout), copy(exec.stderr, stderr)]);
  } finally {
    stdin.unpipe(exec.stdin);
    stdout.off('resize', resize);
    if (hasTerminal) stdin.setRawMode(false);
    // Else an open stdin would keep this process.
    stdin.pause();
    exec.stdin.end();
  }
  signal.throwIfAborted();
  return exec.exitCode();
}

/** Leaves the target open, and is over when the source is, however it ends; what nobody reads is dropped. */
async function copy(source: NodeJS.ReadableStream, target: NodeJS.WritableStream): Promise<void> {
  const over = new Promise<void>((resolve) => {
    source.once('end', resolve);
    source.once('close', resolve);
  });
  // A target that fails lets go of the source, which then would wait for a reader and never end.
  const drop = (): void => void source.resume();
  target.on('error', drop);
  source.pipe(target, { end: false });
  await over;
  target.off('error', drop);
}
