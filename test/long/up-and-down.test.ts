import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { statesOf, TestRepository, until } from '../helpers/live-stack.ts';
import { OwnStack } from '../helpers/own-stack.ts';
import { cleanEnvironment } from '../helpers/run-slipway.ts';

jest.setTimeout(600_000);

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
const SECONDS = 25;
const COUNTS = `i=0; while [ $i -lt ${SECONDS} ]; do echo "line $i"; i=$((i+1)); sleep 1; done`;

describe('up and down in the middle of a push', () => {
  it('Temporal killed: adopted; down, then up, and a reboot: a new run; the push completes, nothing stale is left', async () => {
    await using stack = await OwnStack.create();
    await stack.must(['up', '--detach']);
    await using repository = await TestRepository.create({ '*': 1 }, { home: stack.home });
    const long = { image: 'debian:bookworm', command: COUNTS, checkout: false };
    const chain = {
      survives: long,
      stopped: { ...long, dependencies: ['survives'] },
      rebooted: { ...long, dependencies: ['stopped'] },
      after: { ...long, command: 'true', dependencies: ['rebooted'] },
    };
    await repository.commit({ 'slipway.yml': { version: 1, tasks: chain } });
    const [pushId = ''] = (await stack.must(['push'], repository.path)).split('\n');
    const logOf = async (label: string): Promise<string> => {
      const said = await stack.slipway(['logs', `${pushId.replace('push/', 'task/')}/${label}`]);
      return said.exitCode === 0 ? said.stdout : '';
    };
    const runs = async (label: string, text: string): Promise<void> =>
      until(async () => (await logOf(label)).includes(text));

    await runs('survives', 'line 3\n');
    const temporal = (await stack.pidOf('temporal')) ?? 0;
    process.kill(temporal, 'SIGKILL');
    await runs('stopped', 'line 3\n');
    expect(await stack.pidOf('temporal')).not.toBe(temporal);

    await stack.must(['down']);
    expect(await stack.traces()).toEqual([]);
    await stack.must(['up', '--detach']);
    await runs('rebooted', 'line 3\n');

    await stack.crash();
    expect(await stack.traces()).toEqual([]);
    await stack.must(['up', '--detach']);

    const watched = await stack.slipway(['watch', pushId, '--json']);
    const document = JSON.parse(watched.stdout) as PushDocument;
    expect(statesOf(document)).toEqual({
      after: 'completed/completed',
      rebooted: 'completed/completed',
      stopped: 'completed/completed',
      survives: 'completed/completed',
    });
    const runsOf = Object.fromEntries(
      document.tasks.map(({ label, runs }) => [label, runs.map(({ reason }) => reason)]),
    );
    expect(runsOf['survives']).toEqual(['completed']);
    expect(runsOf['after']).toEqual(['completed']);
    expect(runsOf['stopped']).toEqual(['worker-shutdown', 'completed']);
    expect(runsOf['rebooted']).toEqual(['worker-lost', 'completed']);
    const lines = (await logOf('survives')).split('\n').filter((line) => line.startsWith('line '));
    expect(lines).toEqual(Array.from({ length: SECONDS }, (_, i) => `line ${i}`));
    expect(await stack.docker('ps', '--all', '--quiet', '--filter', 'label=slipway.kind=task')).toBe('');
  });
});

/** Numbers that look random and are the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

describe('up killed with SIGKILL', () => {
  it('at any moment of set-up and of running: the next up takes the place over, down leaves nothing', async () => {
    const seed = 5;
    const next = numbers(seed);
    await using stack = await OwnStack.create();
    for (let round = 0; round < 5; round++) {
      const afterMs = Math.round(next() * 9_000);
      const env = { ...cleanEnvironment(), SLIPWAY_HOME: stack.home };
      const up = spawn(PROGRAM, ['up'], { env, stdio: 'ignore' });
      const ended = once(up, 'exit');
      await delay(afterMs);
      up.kill('SIGKILL');
      await ended;

      // Every other time by down, which knows only what the dead one has written down.
      if (round % 2 === 1) {
        await stack.must(['down']);
        expect([afterMs, await stack.traces()]).toEqual([afterMs, []]);
      }
    }
    await stack.must(['up', '--detach']);
    const { runnerEngine } = await stack.connections();
    expect(runnerEngine).toContain(stack.paths.short);
    await stack.must(['down', '--purge']);
    expect(await stack.traces()).toEqual([]);
  });
});
