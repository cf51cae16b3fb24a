import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailed } from '../model/errors.ts';
import { ensureEngineNetwork } from './engine-network.ts';
import type { EngineNetwork } from './engine-network.ts';
import { widePath } from './find-program.ts';
import { forgetBrokenNetworks } from './forget-broken-networks.ts';
import { runCommand } from './run-command.ts';
import type { StatePaths } from './state-directory.ts';
import type { ProcessSpec } from './supervise.ts';
import { unmountBelow } from './unmount-below.ts';

/** From this many addresses on, 1,000 networks of containers fit into the pool. */
const NETWORK_PREFIX = 26;

/** Where a private engine listens. */
export function privateEngineAddress(paths: StatePaths): string {
  return `unix://${socketPath(paths)}`;
}

/** Writes the configuration of the private engine and gives the process that runs it; its containerd is its own child. */
export async function privateEngineProcess(
  dockerd: string,
  paths: StatePaths,
  options: { readonly network: EngineNetwork; readonly env: NodeJS.ProcessEnv },
): Promise<ProcessSpec> {
  if (/[:,\\]/.test(paths.engine)) {
    throw new SetupFailed(
      'The private Docker Engine cannot keep its data here',
      `${paths.engine} has a colon, a comma or a backslash in it, which overlay mounts do not take`,
      'Set SLIPWAY_HOME to a directory without them',
    );
  }
  await mkdir(paths.engine, { recursive: true, mode: 0o711 });
  const env = { ...options.env, PATH: widePath(options.env) };
  const version = await runCommand([dockerd, '--version'], { env });

  await writeFile(
    paths.engineConfig,
    JSON.stringify(engineConfig(paths, options.network, version), null, 2),
    { mode: 0o600 },
  );
  return {
    name: 'docker',
    // A file of its own, so that the host's /etc/docker/daemon.json is not taken.
    command: [dockerd, '--config-file', paths.engineConfig],
    env,
    graceMs: 30_000,
    beforeRestart: async () => {
      await removeStaleFiles(paths);
      await forgetBrokenNetworks(paths);
      await ensureEngineNetwork(options.network, { env });
    },
  };
}

/** Removes the socket and pid files of an engine that was killed: a pid file whose number is in use again would keep the next one from starting. */
export async function removeStaleFiles(paths: StatePaths): Promise<void> {
  await rm(pidPath(paths), { force: true });
  await rm(socketPath(paths), { force: true });
}

/** Ends what a dead private engine left: containers, shims, its containerd and mounts. The engine itself must be gone. */
export async function sweepPrivateEngine(paths: StatePaths): Promise<void> {
  for (const pid of [...(await pidsNaming(execRoot(paths))), ...(await containerPids(execRoot(paths)))]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  await unmountBelow([paths.engine, execRoot(paths)]);
  await removeStaleFiles(paths);
}

function engineConfig(paths: StatePaths, network: EngineNetwork, version: string): Record<string, unknown> {
  // One that says no number was built from its sources, and is new.
  const isBefore23 = Number(/version (\d+)/.exec(version)?.[1] ?? Infinity) < 23;
  return {
    hosts: [privateEngineAddress(paths)],
    'data-root': paths.engine,
    'exec-root': execRoot(paths),
    pidfile: pidPath(paths),
    bridge: network.bridge,
    iptables: false,
    'ip-masq': false,
    'default-address-pools': [{ base: network.pool, size: NETWORK_PREFIX }],
    'live-restore': true,
    'log-level': 'warn',
    // Before 23 an engine's id came from a key of the machine, so two on one machine had the same id.
    ...(isBefore23 ? { 'deprecated-key-path': join(paths.engine, 'key.json') } : {}),
  };
}

/** Processes with that directory in their arguments: containerd and the shims of a killed engine carry it. */
async function pidsNaming(directory: string): Promise<readonly number[]> {
  const pids: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const [program = '', ...args] = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split(
      '\0',
    );
    if (
      /(^|\/)(containerd|containerd-shim[^/]*|docker-proxy)$/.test(program) &&
      args.some((arg) => arg.startsWith(`${directory}/`))
    )
      pids.push(pid);
  }
  return pids;
}

/** First processes of containers, by the pid files that shims leave; each counts only while its cgroup names that container. */
async function containerPids(directory: string): Promise<readonly number[]> {
  const tasks = join(directory, 'containerd', 'daemon', 'io.containerd.runtime.v2.task', 'moby');
  const pids: number[] = [];
  for (const id of await readdir(tasks).catch(() => [])) {
    const pid = Number(await readFile(join(tasks, id, 'init.pid'), 'utf8').catch(() => ''));
    if (!Number.isInteger(pid) || pid <= 1) continue;
    const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    if (cgroup.includes(id)) pids.push(pid);
  }
  return pids;
}

function execRoot(paths: StatePaths): string {
  return join(paths.runtime, 'exec');
}

function pidPath(paths: StatePaths): string {
  return join(paths.runtime, 'docker.pid');
}

function socketPath(paths: StatePaths): string {
  return join(paths.runtime, 'docker.sock');
}
