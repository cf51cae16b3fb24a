import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Connections } from '../../model/schema/connections.ts';
import { engineNetwork, removeEngineNetwork } from '../../stack/engine-network.ts';
import { widePath } from '../../stack/find-program.ts';
import { readProcessRecords } from '../../stack/process-records.ts';
import { findSettings } from '../../stack/settings.ts';
import { findOwner } from '../../stack/stack-owner.ts';
import type { StatePaths } from '../../stack/state-directory.ts';
import { statePaths } from '../../stack/state-directory.ts';
import { mountsBelow, unmountBelow } from '../../stack/unmount-below.ts';
import { readConnections } from '../../workers/connections.ts';
import type { ProgramResult } from './run-program.ts';
import { runSlipway } from './run-slipway.ts';

const exec = promisify(execFile);

/** An installation that a test sets up, hurts and takes down by the verbs, as a person does; looked at from outside. */
export class OwnStack implements AsyncDisposable {
  readonly home: string;
  readonly paths: StatePaths;

  private constructor(home: string) {
    this.home = home;
    this.paths = statePaths(home);
  }

  static async create(): Promise<OwnStack> {
    return new OwnStack(join(await mkdtemp(join(tmpdir(), 'slipway-own-')), 'state'));
  }

  slipway(args: readonly string[], cwd = tmpdir()): Promise<ProgramResult> {
    return runSlipway(args, { cwd, env: { SLIPWAY_HOME: this.home }, timeoutMs: 240_000 });
  }

  /** @throws what the verb said, when it ended with another code than 0. */
  async must(args: readonly string[], cwd?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.slipway(args, cwd);
    if (exitCode !== 0)
      throw new Error(`slipway ${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  }

  connections(): Promise<Connections> {
    return readConnections({ SLIPWAY_HOME: this.home });
  }

  /** The process id of a part. */
  async pidOf(name: string): Promise<number | undefined> {
    return (await readProcessRecords(this.paths.processes)).find((record) => record.name === name)?.pid;
  }

  async docker(...args: string[]): Promise<string> {
    const { runnerEngine } = await this.connections();
    const { stdout } = await exec('docker', args, { env: { ...process.env, DOCKER_HOST: runnerEngine } });
    return stdout.trim();
  }

  /** What is left of it on the machine: processes, mounts, bridges, rules. */
  async traces(): Promise<readonly string[]> {
    const processes = [...(await this.#processes())].map(([pid, args]) => `process ${pid} ${args}`);
    const mounts = await mountsBelow([this.home, this.paths.runtime]);
    const network = await Promise.all([
      exec('ip', ['-oneline', 'link']),
      exec('iptables-save', [], { env: { ...process.env, PATH: widePath(process.env) } }),
    ]);
    const lines = network.flatMap(({ stdout }) => stdout.split('\n'));
    return [...processes, ...mounts, ...lines.filter((line) => line.includes(this.paths.short))];
  }

  /** All of its processes end at once, and what a reboot takes away is gone: mounts, network, /tmp. Its state stays. */
  async crash(): Promise<void> {
    const owner = await findOwner(this.paths);
    const pids = [...(await this.#processes()).keys(), ...(await this.#containers())];
    for (const pid of owner ? [owner.pid, ...pids] : pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It had ended with another one.
      }
    }
    while ((await this.#processes()).size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await unmountBelow([this.home, this.paths.runtime]);
    const octet = (await findSettings(this.paths))?.engineOctet;
    if (octet !== undefined)
      await removeEngineNetwork(engineNetwork(this.paths, octet), {
        env: { ...process.env, PATH: widePath(process.env) },
      });
    await rm(this.paths.runtime, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.slipway(['down', '--purge']);
    const left = await this.traces();
    await rm(join(this.home, '..'), { recursive: true, force: true });
    if (left.length > 0) throw new Error(`It left: ${left.join('\n')}`);
  }

  /** Those with its directories in their arguments or environment, but for this process. */
  async #processes(): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>();
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      const args = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
      const env = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
      const isOurs = [args, env].some(
        (text) => text.includes(this.home) || text.includes(this.paths.runtime),
      );
      if (isOurs && args !== '') found.set(pid, args);
    }
    return found;
  }

  async #containers(): Promise<readonly number[]> {
    const ids = (await this.docker('ps', '--quiet').catch(() => '')).split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    return (await this.docker('inspect', '--format', '{{.State.Pid}}', ...ids)).split('\n').map(Number);
  }
}
