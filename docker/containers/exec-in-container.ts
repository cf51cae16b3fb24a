import { PassThrough } from 'node:stream';
import type { Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { EngineUnavailable } from '../../model/errors.ts';
import { unlessStatus } from '../engine-errors.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** With a terminal of that size; without one stdout and stderr stay apart. */
  readonly terminal?: TerminalSize | undefined;
  readonly signal: AbortSignal;
}

/** A command that runs in a container beside the container's own. */
export interface RunningExec {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Nothing where there is a terminal. */
  readonly stderr: Readable;
  resize(size: TerminalSize): Promise<void>;
  /** To be asked when the output has ended. */
  exitCode(): Promise<number>;
}

const POLL_MS = 50;
const POLLS = 100;

/** Starts a command in a running container, with its user, environment and working directory. */
export async function execInContainer(
  docker: Docker,
  name: string,
  { command, env = {}, terminal, signal }: ExecOptions,
): Promise<RunningExec> {
  const exec = await docker.getContainer(name).exec({
    Cmd: [...command],
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: terminal !== undefined,
    abortSignal: signal,
  });
  const socket = await exec.start({ hijack: true, stdin: true, Tty: terminal !== undefined });
  const stop = (): void => void socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', stop));
  const resize = async ({ columns, rows }: TerminalSize): Promise<void> => {
    // Gone with its command, perhaps.
    await unlessStatus([404, 409, 500], () => exec.resize({ h: rows, w: columns }));
  };
  if (terminal) await resize(terminal);
  return {
    stdin: socket,
    ...(terminal ? { stdout: socket, stderr: nothing() } : apart(docker, socket)),
    resize,
    exitCode: () => exitCodeOf(exec, name),
  };
}

/** The engine notes the exit code a moment after it has ended the output. */
async function exitCodeOf(exec: Docker.Exec, name: string): Promise<number> {
  for (let poll = 0; poll < POLLS; poll += 1) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await delay(POLL_MS);
  }
  throw new EngineUnavailable(name, 'the connection to the command in it broke off');
}

function apart(docker: Docker, socket: Duplex): { readonly stdout: Readable; readonly stderr: Readable } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(socket, stdout, stderr);
  const end = (): void => {
    stdout.end();
    stderr.end();
  };
  socket.once('end', end);
  socket.once('close', end);
  return { stdout, stderr };
}

function nothing(): Readable {
  return new PassThrough().end();
}
