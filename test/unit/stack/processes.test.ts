import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endProcess, isGoneWithin } from '../../../stack/end-process.ts';
import { identifyProcess, isRunning } from '../../../stack/process-identity.ts';
import type { ProcessIdentity } from '../../../stack/process-identity.ts';
import { ProcessRecords, readProcessRecords } from '../../../stack/process-records.ts';
import type { StackProgress } from '../../../stack/stack-options.ts';
import { supervise } from '../../../stack/supervise.ts';
import { runningProcesses } from '../../helpers/running-processes.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway stäck-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function startSleeper(script = 'sleep 60'): Promise<{ pid: number; ended: Promise<unknown> }> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  return { pid: child.pid!, ended: once(child, 'exit') };
}

describe('endProcess', () => {
  it('ends a process and what it started', async () => {
    const childPath = join(directory, 'child');
    const { pid, ended } = await startSleeper(`sleep 60 & echo $! > '${childPath}'; wait`);
    const identity = (await identifyProcess(pid))!;
    let child: ProcessIdentity | undefined;
    while (!child) child = await identifyProcess(Number(await readFile(childPath, 'utf8').catch(() => '0')));

    await endProcess(identity, 5_000);

    await ended;
    expect(await isRunning(identity)).toBe(false);
    expect(await isGoneWithin(child, 2_000)).toBe(true);
  });

  it('leaves a later process with the same pid alone', async () => {
    const { pid, ended } = await startSleeper();
    const identity = (await identifyProcess(pid))!;

    await endProcess({ pid, started: 'another time' }, 1_000);

    expect(await isRunning(identity)).toBe(true);
    await endProcess(identity, 5_000);
    await ended;
  });

  it('kills one that does not listen', async () => {
    const { pid, ended } = await startSleeper('trap "" TERM; sleep 60; sleep 60');
    const identity = (await identifyProcess(pid))!;
    await sleep(200);

    await endProcess(identity, 200);

    expect(await ended).toEqual([null, 'SIGKILL']);
  });
});

describe('supervise', () => {
  const lines: StackProgress[] = [];

  function start(script: string): ReturnType<typeof supervise> {
    const records = new ProcessRecords(join(directory, 'processes.json'));
    return supervise(
      { name: 'one', command: ['sh', '-c', script], env: process.env, graceMs: 2_000 },
      { logs: directory, records, onProgress: (line) => lines.push(line) },
    );
  }

  async function recordedPid(): Promise<number | undefined> {
    return (await readProcessRecords(join(directory, 'processes.json')))[0]?.pid;
  }

  async function logIs(text: string): Promise<void> {
    while ((await readFile(join(directory, 'one.log'), 'utf8')) !== text) await sleep(20);
  }

  it('starts a process again that dies, records the new one, and keeps its output', async () => {
    const supervised = await start('echo born; exec sleep 60');
    const first = (await recordedPid())!;
    await logIs('born\n');

    process.kill(first, 'SIGKILL');
    while ((await recordedPid()) === first) await sleep(20);

    const second = (await identifyProcess((await recordedPid())!))!;
    await logIs('born\nborn\n');
    expect(lines.map(({ message }) => message)).toContain('started again');
    await supervised.stop();
    expect(await isRunning(second)).toBe(false);
    expect(await recordedPid()).toBeUndefined();
  });

  it('that dies again and again is started with pauses that grow, and what it wrote last is said each time', async () => {
    lines.length = 0;
    const supervised = await start('echo "bind: address already in use" >&2; exit 3');
    const deaths = (): string[] =>
      lines.filter(({ state }) => state === 'failed').map(({ message }) => message.split(' (log')[0] ?? '');
    while (deaths().length < 3) await sleep(50);
    await supervised.stop();

    expect(deaths().slice(0, 3)).toEqual([
      'ended with 3 (bind: address already in use); starts again in 0.5 s',
      'ended with 3 (bind: address already in use); starts again in 1 s',
      'ended with 3 (bind: address already in use); starts again in 2 s',
    ]);
  });

  it('leaves no process that could not be written down', async () => {
    const records = new ProcessRecords(join(directory, 'none', 'processes.json'));
    const mark = `sleep 61.${process.pid}`;

    const starting = supervise(
      { name: 'one', command: ['sh', '-c', mark], env: process.env, graceMs: 2_000 },
      { logs: directory, records, onProgress: () => undefined },
    );

    await expect(starting).rejects.toThrow('ENOENT');
    expect(await runningProcesses()).not.toContain(mark);
  });

  it('starts a process again that cannot be written down or told of, and writes it down as soon as it can', async () => {
    const records = new ProcessRecords(join(directory, 'processes.json'));
    // Where the whole of a new record is written first.
    const inTheWay = join(directory, 'processes.json.tmp');
    const told: string[] = [];
    const supervised = await supervise(
      { name: 'one', command: ['sh', '-c', 'echo $$; exec sleep 60'], env: process.env, graceMs: 2_000 },
      {
        logs: directory,
        records,
        onProgress: ({ message }) => {
          told.push(message);
          throw new Error('ENOSPC: no space left on device, write');
        },
      },
    );
    const first = (await recordedPid())!;
    await logIs(`${first}\n`);
    await mkdir(inTheWay);

    process.kill(first, 'SIGKILL');
    while (!told.includes('started again')) await sleep(20);
    let second: ProcessIdentity | undefined;
    while (!second) {
      const [, last = '0'] = (await readFile(join(directory, 'one.log'), 'utf8')).trim().split('\n');
      second = await identifyProcess(Number(last));
    }

    expect(await recordedPid()).toBe(first);
    expect(told).toContainEqual(expect.stringMatching(/^runs, and cannot be written down yet: .*EISDIR/));
    await rm(inTheWay, { recursive: true });
    while ((await recordedPid()) === first) await sleep(20);
    expect(await recordedPid()).toBe(second.pid);
    await supervised.stop();
    expect(await isRunning(second)).toBe(false);
  });

  it('says at once that a process died while it was waited for, with the end of its log', async () => {
    const supervised = await start('echo no such database >&2; exit 4');

    const waiting = supervised.waitUntil(() => Promise.reject(new Error('silent')), {
      timeoutMs: 60_000,
      signal: new AbortController().signal,
    });

    await expect(waiting).rejects.toThrow(/one could not be started: it ended at once \(no such database\)/);
    await supervised.stop();
  });
});
