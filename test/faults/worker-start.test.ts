import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { choosePorts } from '../../stack/choose-ports.ts';
import { until } from '../helpers/live-stack.ts';
import { cleanEnvironment, runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(300_000);

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
const CONTROL = ['worker', 'control', '--level', '1'];

const byHand = (world: World): NodeJS.ProcessEnv => world.environmentByHand(join(world.home, 'by-hand'));

interface Started extends AsyncDisposable {
  /** What it has said so far. */
  said(): string;
  /** Ends it as a service manager does, and gives its exit code. */
  end(): Promise<number | null>;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): Started {
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const options = { env: { ...cleanEnvironment(), ...env }, stdio: [...stdio] };
  const child = spawn(PROGRAM, args, options) as ChildProcessByStdio<null, null, Readable>;
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return {
    said: () => said,
    async end() {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('a worker that is started by hand', () => {
  it('before Temporal is there waits for it, and says so; the signal ends it well before and after', async () => {
    await using world = await World.open({ via: ['temporal'], base: false });
    const env = byHand(world);
    const proxy = world.proxy('temporal');
    const ready = join(world.home, 'ready-by-hand');
    await proxy.refuse();
    await using patient = start([...CONTROL, '--ready-file', ready], env);
    await using other = start(CONTROL, env);
    const waits = ({ said }: Started): boolean => said().includes('The workers wait for Temporal');
    await until(() => waits(patient) && waits(other));

    expect(patient.said()).toContain(
      `Temporal at ${env['TEMPORAL_ADDRESS']} does not answer: connect ECONNREFUSED`,
    );
    expect(await other.end()).toBe(0);
    expect(existsSync(ready)).toBe(false);
    proxy.pass();
    await until(() => existsSync(ready));
    expect(patient.said()).toContain('"Temporal answers"');
    expect(await patient.end()).toBe(0);
  });

  it('with a namespace or keys that nobody knows ends at once, and says which', async () => {
    await using world = await World.open({ base: false });
    const run = (more: NodeJS.ProcessEnv): ReturnType<typeof runSlipway> =>
      runSlipway(CONTROL, { cwd: world.home, env: { ...byHand(world), ...more } });

    const nowhere = await run({ TEMPORAL_NAMESPACE: 'no-such' });
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([
      2,
      expect.stringContaining('has no namespace no-such. Mend TEMPORAL_NAMESPACE'),
    ]);
    const mistyped = await run({ AWS_SECRET_ACCESS_KEY: 'mistyped' });
    expect([mistyped.exitCode, mistyped.stderr]).toEqual([
      2,
      expect.stringMatching(/below level-1\/ .*\(SignatureDoesNotMatch: .*\): they are mistyped, or were/),
    ]);
    const unknown = await run({ AWS_ACCESS_KEY_ID: 'nobody' });
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('they are mistyped')]);
    const half = await run({ AWS_SECRET_ACCESS_KEY: '' });
    expect([half.exitCode, half.stderr]).toEqual([
      2,
      expect.stringContaining('Only one of AWS_ACCESS_KEY_ID'),
    ]);
  });
});

describe('a worker that runs', () => {
  it('says which version it is, and gives numbers to Prometheus where that is wanted; without the port it works as well', async () => {
    await using world = await World.open({ base: false });
    const { port } = await choosePorts(['port'], {});
    const env = { SLIPWAY_METRICS_ADDRESS: `127.0.0.1:${port}` };

    const first = await world.startWorker(1, ['control'], { env });
    const second = await world.startWorker(1, ['control'], { env });
    const numbers = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

    const commit = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' }).trim();
    expect(await readFile(first.logPath, 'utf8')).toMatch(
      new RegExp(`"version":"${commit}".*"Workers are running"`),
    );
    expect(numbers).toMatch(
      /^temporal_num_pollers\{.*poller_type="activity_task".*task_queue="control-1".*\} [1-9]/m,
    );
    expect(numbers).toMatch(/^temporal_worker_task_slots_available\{.*task_queue="control-1".*\} [1-9]/m);
    expect(await readFile(second.logPath, 'utf8')).toContain('No numbers are given out');
    expect(await readFile(first.logPath, 'utf8')).not.toContain('No numbers are given out');
  });
});
