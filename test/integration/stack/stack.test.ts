import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { LABEL } from '../../../docker/labels.ts';
import { connectionsSchema } from '../../../model/schema/connections.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { diagnose } from '../../../client/cli/doctor/diagnose.ts';
import { findStack } from '../../../stack/find-stack.ts';
import { isRunning } from '../../../stack/process-identity.ts';
import { readProcessRecords } from '../../../stack/process-records.ts';
import type { ProcessRecord } from '../../../stack/process-records.ts';
import { runCommand } from '../../../stack/run-command.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import { stopStack } from '../../../stack/stop-stack.ts';
import { mountsBelow } from '../../../stack/unmount-below.ts';
import { until } from '../../helpers/live-stack.ts';
import { cleanEnvironment, runSlipway } from '../../helpers/run-slipway.ts';
import { runningProcesses } from '../../helpers/running-processes.ts';

/** The first run on a machine builds all tools. */
const TIMEOUT_MS = 900_000;
const ROOT = join(import.meta.dirname, '..', '..', '..');
const RUN_STACK = join(ROOT, 'test', 'helpers', 'run-stack.ts');

let parent: string;
let stateDirectory: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'slipway-stack-'));
  stateDirectory = join(parent, 'stäte with blanks');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
}, TIMEOUT_MS);

afterAll(async () => {
  await stopStack({ stateDirectory, purge: true });
  await rm(parent, { recursive: true });
}, TIMEOUT_MS);

/** Starts a stack in a process of its own and waits until it says that all answers. */
async function up(): Promise<{ child: ChildProcess; connections: Connections }> {
  const { child, said } = await begin(process.execPath, [RUN_STACK, stateDirectory], process.env);
  return { child, connections: connectionsSchema.parse(JSON.parse(said)) };
}

/** Starts a program and waits until it says something on stdout. */
async function begin(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ child: ChildProcessByStdio<null, Readable, Readable>; said: string }> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const said = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk)),
    once(child, 'exit').then(() => Promise.reject(new Error(`It ended: ${told}`))),
  ]);
  return { child, said };
}

async function records(): Promise<readonly ProcessRecord[]> {
  return readProcessRecords(statePaths(stateDirectory).processes);
}

/** What is visible from outside of a stack's network: bridges and firewall chains with its name. */
async function networkTraces(): Promise<string> {
  const { short } = statePaths(stateDirectory);
  const links = await runCommand(['ip', '-oneline', 'link']).catch(() => '');
  const rules = await runCommand(['iptables-save']).catch(() => '');
  return `${links}\n${rules}`
    .split('\n')
    .filter((line) => line.includes(short))
    .join('\n');
}

async function expectNothingLeft(before: readonly ProcessRecord[]): Promise<void> {
  const paths = statePaths(stateDirectory);
  for (const record of before) expect([record.name, await isRunning(record)]).toEqual([record.name, false]);
  expect(await mountsBelow([paths.root, paths.runtime])).toEqual([]);
  expect(await networkTraces()).toBe('');
  await expect(stat(paths.runtime)).rejects.toThrow('ENOENT');
  expect(await findStack(stateDirectory)).toBeUndefined();
  const processes = await runningProcesses();
  expect(
    processes.split('\n').filter((line) => line.includes(paths.root) || line.includes(`${paths.runtime}/`)),
  ).toEqual([]);
}

async function startContainer(connections: Connections): Promise<string> {
  const container = await dockerAt(connections.runnerEngine).createContainer({
    Image: 'debian:bookworm',
    Cmd: ['sleep', '1000'],
    Labels: { [LABEL.fleet]: connections.fleet },
  });
  await container.start();
  return container.id;
}

describe('the stack', () => {
  it(
    'starts, answers, is adopted after its process was killed, and leaves nothing when it is stopped',
    async () => {
      const first = await up();
      expect(await findStack(stateDirectory)).toEqual(first.connections);
      expect((await stat(statePaths(stateDirectory).connections)).mode & 0o777).toBe(0o600);
      const wrong = (await diagnose({ stateDirectory, env: process.env })).filter(({ ok }) => !ok);
      // Its worker is none.
      expect(wrong.map(({ part }) => part)).toEqual(['queues']);
      const names = (await records()).map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['temporal', 's3', 'worker-1']));

      const container = await startContainer(first.connections);
      const before = await records();
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
      const killed = await diagnose({ stateDirectory, env: process.env });
      expect(killed.find(({ part }) => part === 'stack')).toMatchObject({
        ok: false,
        todo: expect.stringContaining('slipway up'),
      });

      const second = await up();
      expect(second.connections).toEqual(first.connections);
      for (const record of before)
        expect([record.name, await isRunning(record)]).toEqual([record.name, false]);
      const adopted = await dockerAt(second.connections.runnerEngine).getContainer(container).inspect();
      expect(adopted.State.Running).toBe(true);

      const running = await records();
      const report = await stopStack({ stateDirectory, purge: false });
      expect(report.trouble).toEqual([]);
      await expectNothingLeft([...before, ...running]);
      expect(await readFile(statePaths(stateDirectory).serverConfig, 'utf8')).toContain(
        'localProjects: true',
      );
    },
    TIMEOUT_MS,
  );

  it(
    'refuses a second one in the same directory while the first runs',
    async () => {
      const { child } = await up();

      await expect(up()).rejects.toThrow(`process ${child.pid} runs one in ${stateDirectory} already`);

      child.kill('SIGTERM');
      await once(child, 'exit');
      await expectNothingLeft([]);
    },
    TIMEOUT_MS,
  );

  it(
    'is stopped whole by SIGTERM where nobody reads any more what up says',
    async () => {
      const env = { ...cleanEnvironment(), SLIPWAY_HOME: stateDirectory };
      const { child } = await begin(join(ROOT, 'bin', 'slipway'), ['up'], env);
      const before = await records();
      const exit = once(child, 'exit');

      child.stderr.destroy();
      child.kill('SIGTERM');

      expect(await exit).toEqual([0, null]);
      expect(before.map(({ name }) => name)).toEqual(expect.arrayContaining(['worker-1', 'temporal', 's3']));
      await expectNothingLeft(before);
    },
    TIMEOUT_MS,
  );

  it(
    'is given up by the demo, with all that had begun, where nobody reads any more what that tells',
    async () => {
      const env = { ...cleanEnvironment(), SLIPWAY_HOME: stateDirectory };
      const demo = join(ROOT, 'client', 'cli', 'demo.ts');
      const { child } = await begin(process.execPath, [demo], env);
      const exit = once(child, 'exit');
      await until(async () => (await records()).length > 0);
      const before = await records();

      child.stdout.destroy();

      expect(await exit).toEqual([130, null]);
      await expectNothingLeft(before);
    },
    TIMEOUT_MS,
  );

  it('does not start with a file of credentials that is wrong, and says which', async () => {
    const env = { SLIPWAY_HOME: join(parent, 'never'), SLIPWAY_DOCKER_CONFIG: join(parent, 'none.json') };

    const { exitCode, stderr } = await runSlipway(['up'], { cwd: parent, env });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: `slipway: ${env.SLIPWAY_DOCKER_CONFIG} (SLIPWAY_DOCKER_CONFIG) cannot be read (ENOENT)\n`,
    });
  });

  it(
    'is cleaned up by down after its process was killed, containers and all, and purged',
    async () => {
      const { child, connections } = await up();
      await startContainer(connections);
      const before = await records();
      child.kill('SIGKILL');
      await once(child, 'exit');

      const report = await stopStack({ stateDirectory, purge: true });

      expect(report).toMatchObject({ containers: 1, trouble: [], purged: true });
      expect(report.processes).toEqual(expect.arrayContaining(['worker-1', 'temporal', 's3']));
      await expectNothingLeft(before);
      await expect(stat(stateDirectory)).rejects.toThrow('ENOENT');
    },
    TIMEOUT_MS,
  );
});
