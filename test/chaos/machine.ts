import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Fault } from './schedule.ts';

const exec = promisify(execFile);

const processesSchema = z.array(z.object({ name: z.string(), pid: z.number() }));

/** As much of `stack.json` as somebody outside needs. */
const stackSchema = z.object({
  fleet: z.string(),
  temporal: z.object({ address: z.string(), namespace: z.string() }),
  store: z.object({
    endpoint: z.string(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
  }),
  runnerEngine: z.string(),
  runtimeDirectory: z.string(),
});
export type Stack = z.infer<typeof stackSchema>;

const UP_PATIENCE_MS = 600_000;

/** The installation under test, run by `slipway up` as people run it, and what can befall it. */
export class Machine {
  readonly home: string;
  readonly #program: string;
  readonly #env: NodeJS.ProcessEnv;
  #up: ChildProcess | undefined;
  #stack: Stack | undefined;

  constructor(home: string, program: string) {
    this.home = home;
    this.#program = program;
    this.#env = { ...process.env, SLIPWAY_HOME: home, NODE_OPTIONS: '' };
  }

  /** Of the last start that got so far. */
  get stack(): Stack {
    if (!this.#stack) throw new Error('The stack never started');
    return this.#stack;
  }

  /** Whether the engine that it uses was started by it and ends with it. */
  get hasOwnEngine(): boolean {
    return this.stack.runnerEngine.includes(this.stack.runtimeDirectory);
  }

  async configure(config: unknown): Promise<void> {
    await mkdir(this.home, { recursive: true });
    await writeFile(join(this.home, 'slipway.config.yml'), JSON.stringify(config));
  }

  /** Runs `slipway up` and waits until it says that it runs. */
  async up(): Promise<void> {
    const logPath = join(this.home, 'up.log');
    const log = openSync(logPath, 'w');
    const child = spawn(this.#program, ['up'], { env: this.#env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#up = child;
    const end = Date.now() + UP_PATIENCE_MS;
    while (!(await readFile(logPath, 'utf8')).includes('Slipway runs:')) {
      if (child.exitCode !== null || Date.now() > end)
        throw new Error(`slipway up did not come up:\n${await readFile(logPath, 'utf8')}`);
      await delay(200);
    }
    this.#stack = stackSchema.parse(JSON.parse(await readFile(join(this.home, 'stack.json'), 'utf8')));
  }

  /** Runs a verb of the CLI; gives exit code and what it printed. */
  async slipway(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(this.#program, args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (text: Buffer) => (said.stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (said.stderr += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 1, ...said };
  }

  async down(...options: string[]): Promise<void> {
    const { code, stderr } = await this.slipway('down', ...options);
    if (code !== 0) throw new Error(`slipway down: ${stderr}`);
  }

  /** Does a fault; gives what was done, for the report. Whatever it hurt is there again, or on its way, afterwards. */
  async suffer(fault: Fault): Promise<string> {
    switch (fault.kind) {
      case 'kill worker':
        return this.#signal(fault, 'worker-', 'SIGKILL');
      case 'drain worker':
        return this.#signal(fault, 'worker-', 'SIGTERM');
      case 'stop worker':
        return this.#pause(fault, 'worker-');
      case 'kill temporal':
      case 'kill s3':
      case 'kill docker':
        return this.#signal(fault, fault.kind.slice('kill '.length), 'SIGKILL');
      case 'stop temporal':
      case 'stop s3':
      case 'stop docker':
        return this.#pause(fault, fault.kind.slice('stop '.length));
      case 'kill sidecar':
        return this.#onContainer(fault, 'sidecar', ['kill']);
      case 'remove container':
        return this.#onContainer(fault, 'task', ['rm', '--force', '--volumes']);
      case 'prune engine':
        return (await this.docker('system', 'prune', '--all', '--force')).split('\n').at(-1) ?? '';
      case 'kill up': {
        const up = this.#up;
        if (!up?.pid || up.exitCode !== null) return 'it did not run';
        process.kill(up.pid, 'SIGKILL');
        await once(up, 'exit').catch(() => undefined);
        await delay(Math.min(fault.forMs, 5_000));
        await this.up();
        return `process ${up.pid}, then up again`;
      }
      case 'down and up':
        await this.down();
        await this.up();
        return 'one after the other';
    }
  }

  async docker(...args: string[]): Promise<string> {
    const env = { ...process.env, DOCKER_HOST: this.stack.runnerEngine };
    return (await exec('docker', args, { env, maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  }

  async #signal(fault: Fault, name: string, signal: NodeJS.Signals): Promise<string> {
    const target = await this.#process(fault, name);
    if (!target) return 'it did not run';
    process.kill(target.pid, signal);
    return `${target.name}, process ${target.pid}`;
  }

  async #pause(fault: Fault, name: string): Promise<string> {
    const target = await this.#process(fault, name);
    if (!target) return 'it did not run';
    process.kill(target.pid, 'SIGSTOP');
    await delay(fault.forMs);
    try {
      process.kill(target.pid, 'SIGCONT');
    } catch {
      return `${target.name}, process ${target.pid}, which was killed meanwhile`;
    }
    return `${target.name}, process ${target.pid}, for ${(fault.forMs / 1000).toFixed(1)} s`;
  }

  /** One that runs now, by the supervisor's own records. */
  async #process({ choice }: Fault, name: string): Promise<{ name: string; pid: number } | undefined> {
    const text = await readFile(join(this.home, 'processes.json'), 'utf8').catch(() => '[]');
    const running = processesSchema
      .parse(JSON.parse(text))
      .filter((one) => one.name.startsWith(name))
      .filter(({ pid }) => isAlive(pid));
    return running[choice % Math.max(1, running.length)];
  }

  async #onContainer({ choice }: Fault, kind: 'task' | 'sidecar', command: string[]): Promise<string> {
    const labels = [`label=slipway.fleet=${this.stack.fleet}`, `label=slipway.kind=${kind}`];
    const found = await this.docker('ps', '--quiet', ...labels.flatMap((label) => ['--filter', label]));
    const ids = found.split('\n').filter((id) => id !== '');
    const id = ids[choice % Math.max(1, ids.length)];
    if (id === undefined) return 'there was none';
    await this.docker(...command, id);
    return id;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
