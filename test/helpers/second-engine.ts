import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';

export interface SecondEngine extends AsyncDisposable {
  readonly docker: Docker;
  readonly socketPath: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface SecondEngineOptions {
  /** In a network namespace of its own: its 127.0.0.1 is not ours. */
  readonly ownNetwork?: boolean;
  /** Default `dockerd`. */
  readonly command?: string;
  readonly arguments?: readonly string[];
}

/** Starts an empty engine without a network of its own, beside others, and ends it with everything of it. Needs root. */
export async function startSecondEngine(options: SecondEngineOptions = {}): Promise<SecondEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-engine-'));
  const socketPath = join(directory, 'docker.sock');
  const daemon = [
    options.command ?? 'dockerd',
    ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
    ...['--host', `unix://${socketPath}`, '--pidfile', join(directory, 'docker.pid')],
    ...['--bridge', 'none', '--iptables=false', '--ip-masq=false'],
    ...(options.arguments ?? []),
  ];
  // A new network namespace has its loopback down; the daemon needs none, containers get their own.
  const [command = '', ...args] = options.ownNetwork ? ['unshare', '--net', ...daemon] : daemon;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const logPath = join(directory, 'dockerd.log');
  const log = createWriteStream(logPath);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });

  const docker = new Docker({ socketPath });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= end(child, directory));
  try {
    await answers(docker, child);
  } catch (error) {
    const tail = await readFile(logPath, 'utf8').catch(() => '');
    await stop();
    throw new Error(`the second engine did not start: ${tail.slice(-1000)}`, { cause: error });
  }
  return { docker, socketPath, pid: child.pid as number, stop, [Symbol.asyncDispose]: stop };
}

async function answers(docker: Docker, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const isUp = await docker.ping().then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await delay(200);
  }
  throw new Error('it does not answer');
}

async function end(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await Promise.race([exited, delay(20_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
