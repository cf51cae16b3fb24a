import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { unmountBelow } from '../../stack/unmount-below.ts';

export interface SecondEngine extends AsyncDisposable {
  readonly docker: Docker;
  readonly socketPath: string;
  readonly pid: number;
  /** Ends the daemon by a signal; what it runs stays as the daemon leaves it. Its data stays too. */
  down(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same data. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

export interface SecondEngineOptions {
  /** In a network namespace of its own: its 127.0.0.1 is not ours. */
  readonly ownNetwork?: boolean;
  /** Default `dockerd`. */
  readonly command?: string;
  readonly arguments?: readonly string[];
  /** Default: our own. Its programs are found by the `PATH` in it. */
  readonly env?: NodeJS.ProcessEnv;
  /** Where its data lies, for a disk of its own; default: below its directory. */
  readonly dataRoot?: string;
}

/** Starts an empty engine without a network of its own, beside others, and ends it with everything of it. Needs root. */
export async function startSecondEngine(options: SecondEngineOptions = {}): Promise<SecondEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-engine-'));
  const socketPath = join(directory, 'docker.sock');
  const pidFile = join(directory, 'docker.pid');
  const daemon = [
    options.command ?? 'dockerd',
    ...['--data-root', options.dataRoot ?? join(directory, 'data'), '--exec-root', join(directory, 'exec')],
    ...['--host', `unix://${socketPath}`, '--pidfile', pidFile],
    ...['--bridge', 'none', '--iptables=false', '--ip-masq=false'],
    ...(options.arguments ?? []),
  ];
  // A new network namespace has its loopback down; the daemon needs none, containers get their own.
  const [command = '', ...args] = options.ownNetwork ? ['unshare', '--net', ...daemon] : daemon;
  const logPath = join(directory, 'dockerd.log');
  const docker = new Docker({ socketPath });
  const start = async (): Promise<ChildProcess> => {
    const { env = process.env } = options;
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(logPath, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    try {
      await answers(docker, child);
    } catch (error) {
      child.kill('SIGKILL');
      const tail = await readFile(logPath, 'utf8').catch(() => '');
      throw new Error(`the second engine did not start: ${tail.slice(-1000)}`, { cause: error });
    }
    return child;
  };
  let child = await start().catch(async (error: unknown) => {
    await clear(directory);
    throw error;
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= end(child, directory, docker));
  return {
    docker,
    socketPath,
    get pid() {
      return child.pid as number;
    },
    async down(signal) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
    async up() {
      // A daemon that was killed takes its containerd along, and the next one may still meet that.
      for (let attempt = 1; ; attempt += 1) {
        await rm(pidFile, { force: true });
        await rm(socketPath, { force: true });
        try {
          child = await start();
          return;
        } catch (error) {
          if (attempt === 3) throw error;
        }
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
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

async function end(child: ChildProcess, directory: string, docker?: Docker): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    // With live-restore its containers would outlive it.
    const containers = (await docker?.listContainers({ all: true }).catch(() => undefined)) ?? [];
    for (const { Id } of containers)
      await docker
        ?.getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await Promise.race([exited, delay(20_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  }
  await clear(directory);
}

async function clear(directory: string): Promise<void> {
  await endProcessesBelow(directory);
  await unmountBelow([directory]);
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** The containerd and the shims of a daemon that was killed name its directory in their arguments. */
async function endProcessesBelow(directory: string): Promise<void> {
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const [program = '', ...args] = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split(
      '\0',
    );
    if (!/containerd/.test(program) || !args.some((arg) => arg.startsWith(`${directory}/`))) continue;
    process.kill(pid, 'SIGKILL');
  }
}
