import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { EngineAccess } from '../../stack/engine-access.ts';
import { fleetTraces } from '../helpers/fleet-traces.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { docker, statesOf, until } from '../helpers/live-stack.ts';
import { onTerminal } from '../helpers/local-runs.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { cleanEnvironment, runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const SLIPWAY = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
const TOKEN = 'a-token-that-nobody-may-find';
const FILES = {
  'slipway.yml': {
    version: 1,
    defaults: { image: 'debian:bookworm' },
    tasks: {
      bad: {
        env: { GIVEN: 'by the task' },
        secrets: ['TOKEN'],
        cache: { npm: '/cache' },
        command: 'test -s /run/secrets/TOKEN; echo left behind > made; exit 3',
      },
      asks: { command: 'exit 4', features: { interactive: 'onFailure' }, secrets: { TOKEN: { env: true } } },
      kept: { command: 'exit 5', features: { interactive: 'onFailure' } },
      good: { command: 'true', features: { interactive: 'onFailure' } },
    },
  },
};

let world: World;
let repository: TestRepository;
const env = (): NodeJS.ProcessEnv => ({ SLIPWAY_HOME: world.home, NO_COLOR: '1' });
const slipway = (args: readonly string[], input?: string): Promise<ProgramResult> =>
  runSlipway(args, {
    cwd: repository.path,
    env: env(),
    timeoutMs: 180_000,
    ...(input === undefined ? {} : { input }),
  });

beforeAll(async () => {
  world = await World.open({ base: false });
  repository = await world.createRepository(undefined, { secrets: { 1: ['TOKEN'] } });
  await world.startWorker(1, ['control', 'runner'], { env: { SLIPWAY_SECRET_TOKEN: TOKEN } });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

/** How long failed tasks are kept from the next plan on. */
async function keepFailed(duration: string): Promise<void> {
  const path = world.connections.serverConfig;
  const others = (await readFile(path, 'utf8')).split('\n').filter((line) => !line.startsWith('keepFailed'));
  await writeFile(path, [...others, `keepFailed: ${duration}`, ''].join('\n'));
}

/** Labels of the tasks, and runs, whose containers are kept in the engine. */
async function inEngine(): Promise<readonly string[]> {
  return (await world.containers()).map((name) => name.replace(/^kept-slipway-[0-9a-f]{16}-/, '')).sort();
}

describe('a push that is to be held', () => {
  let pushed: PushDocument;
  beforeAll(async () => {
    await keepFailed('2 hours');
    pushed = await world.push(repository, await repository.commit(FILES), { hold: true });
  });

  it('has its verdict at once, and keeps the containers of those that failed', async () => {
    const { stdout: status } = await slipway(['status', pushed.id]);
    const { stdout: log } = await slipway(['logs', 'bad', '--push', pushed.id]);

    expect(statesOf(pushed)).toEqual({
      asks: 'failed/failed',
      bad: 'failed/failed',
      good: 'completed/completed',
      kept: 'failed/failed',
    });
    expect(await inEngine()).toEqual(['0-bad', '0-kept']);
    const [bad] = pushed.tasks;
    expect(status).toMatch(/ {2}kept until \d\d:\d\d UTC\S*: slipway shell task\/\S*\/bad\n/);
    expect(Date.parse(bad?.runs[0]?.keptUntil ?? '') - Date.now()).toBeGreaterThan(3_600_000);
    expect(log).toContain(`Its container is kept until ${bad?.runs[0]?.keptUntil}: slipway shell task/`);
    expect(await world.networks()).toEqual([]);
  });

  it('does not keep what has a secret as a variable, and says so', async () => {
    const { stdout } = await slipway(['logs', 'asks', '--push', pushed.id]);

    expect(stdout).toContain('Its container is not kept: it has a secret as a variable');
  });

  it('lets slipway shell look at what the command has left, without its secrets and caches', async () => {
    const { exitCode, stdout, stderr } = await slipway(
      ['shell', 'bad'],
      'cat made; echo "$GIVEN in $PWD"; ls /cache; find /run/secrets -type f -size +0; ls slipway.yml; exit 7\n',
    );

    expect({ exitCode, stdout }).toEqual({
      exitCode: 7,
      stdout: 'left behind\nby the task in /src\nslipway.yml\n',
    });
    expect(stderr).toMatch(
      /what run 0 has left, kept until \d\d:\d\d UTC\S*; without its caches \(\/cache\) and its secrets/,
    );
    const name = (await world.containers()).find((one) => one.endsWith('-0-bad')) ?? '';
    const secrets = await docker('cp', `${name}:/run/secrets`, '-');
    expect(await docker('inspect', name)).not.toContain(TOKEN);
    expect(secrets).toContain('TOKEN');
    expect(secrets).not.toContain(TOKEN);
    expect(await fleetTraces(world.fleet, 'shell')).toEqual([]);
  });

  it('gives it a terminal of the size that there is', async () => {
    const { exitCode, stdout } = await onTerminal(['shell', 'kept'], {
      cwd: repository.path,
      env: env(),
      typed: [
        { seen: '/src# ', typed: 'stty size\n' },
        { seen: '/src# ', typed: 'exit 4\n' },
      ],
    });

    expect(stdout).toContain('24 97');
    expect(exitCode).toBe(4);
  });

  it('has nothing that runs after the process of a shell was killed', async () => {
    const child = spawn(SLIPWAY, ['shell', 'kept'], {
      cwd: repository.path,
      env: { ...cleanEnvironment(), ...env() },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    child.stdin.write('echo joined; sleep 1000\n');
    await once(child.stdout, 'data');
    const shells = (): Promise<readonly string[]> => fleetTraces(world.fleet, 'shell');
    const during = await shells();
    process.kill(-(child.pid ?? 0), 'SIGKILL');

    await until(async () => !(await shells()).some((trace) => trace.startsWith('container ')), 30_000);
    expect(during).toContainEqual(expect.stringMatching(/^container shell-/));
  });

  it('has one container a task at most: a run that comes later takes the place', async () => {
    const rerun = await slipway(['rerun', 'kept', '--push', pushed.id, '--watch']);
    await until(async () => !(await inEngine()).includes('0-kept'));

    expect(rerun.exitCode).toBe(1);
    expect(await inEngine()).toEqual(['0-bad', '1-kept']);
    expect((await slipway(['shell', 'kept'], 'exit 6\n')).exitCode).toBe(6);
  });

  it('has nothing left after slipway down', async () => {
    const engine = new EngineAccess(world.connections.runnerEngine);
    await engine.removeEverything(`slipway.fleet=${world.fleet}`);

    const { exitCode, stderr } = await slipway(['shell', 'bad']);
    const images = await docker('images', '-aq', '--filter', `label=slipway.fleet=${world.fleet}`);
    expect(await fleetTraces(world.fleet)).toEqual([]);
    expect(images).toBe('');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not there any more');
  });
});

describe('a push that is not', () => {
  it('has a task kept that is run again so', async () => {
    await keepFailed('2 hours');
    const { id } = await world.push(repository, await repository.commit({ 'note.txt': 'a third' }));
    const before = await inEngine();

    const rerun = await slipway(['rerun', 'bad', '--push', id, '--hold', '--watch']);
    const during = await inEngine();
    const joined = await slipway(['shell', 'bad', '--push', id], 'cat made; exit 9\n');
    const engine = new EngineAccess(world.connections.runnerEngine);
    await engine.removeEverything(`slipway.fleet=${world.fleet}`);

    expect(before).toEqual(['0-kept']);
    expect(rerun.exitCode).toBe(1);
    expect(rerun.stdout).toMatch(/ {2}kept until \d\d:\d\d UTC\S*: slipway shell task\/\S*\/bad\n/);
    expect(during).toEqual(['0-kept', '1-bad']);
    expect([joined.exitCode, joined.stdout]).toEqual([9, 'left behind\n']);
  });

  it('keeps what asks for it, and only until its time is over', async () => {
    await keepFailed('90 seconds');
    const { id } = await world.push(repository, await repository.commit({ 'note.txt': 'another' }));

    const during = await inEngine();
    const joined = await slipway(['shell', 'kept'], 'exit 8\n');
    await until(async () => (await world.containers()).length === 0, 240_000);
    const after = await slipway(['shell', 'kept']);

    expect(during).toEqual(['0-kept']);
    expect(joined.exitCode).toBe(8);
    expect(after.exitCode).toBe(2);
    expect(after.stderr).toContain('is failed, and was kept until ');
    expect((await slipway(['status', id])).stdout).not.toMatch(/^ +kept until/m);
  });
});
