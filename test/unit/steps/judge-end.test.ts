import { describe, expect, it } from '@jest/globals';
import type { EndedCommand } from '../../../steps/judge-end.ts';
import { judgeEnd, ranOf } from '../../../steps/judge-end.ts';

const ended = (
  exitCode: number,
  options: Partial<EndedCommand> & { readonly outOfMemory?: boolean; readonly finished?: string } = {},
): EndedCommand => {
  const { outOfMemory = false, finished = '2026-01-01T00:00:05Z', ...rest } = options;
  const started = '2026-01-01T00:00:00Z';
  const times = { created: started, started, finished };
  const state = { id: 'c', state: 'exited', ...times, exitCode, outOfMemory } as const;
  return { state, timedOut: false, end: 'seen', liveRestore: true, ...rest };
};

const resources = { pids: 1, shmBytes: 1 };

const verdict = (end: EndedCommand, maxRunTimeSeconds = 60): string => {
  try {
    const { reason, detail = '' } = judgeEnd(end, { maxRunTimeSeconds, retryExitCodes: [], resources });
    return `${reason} ${detail}`.trim();
  } catch (error) {
    return `${(error as Error).name} ${(error as Error).message}`;
  }
};

describe('the end of a command', () => {
  it.each([
    ['that was seen counts as it is', ended(0), /^completed$/],
    ['that was seen with 255 is its own', ended(255), /^failed exit code 255$/],
    [
      'by a kill from outside says that it was none of ours',
      ended(137),
      /^failed .*SIGKILL: not from Slipway/,
    ],
    ['by our kill is max-run-time-exceeded', ended(137, { timedOut: true }), /^max-run-time-exceeded/],
    ['by the kernel is out-of-memory', ended(137, { outOfMemory: true }), /^out-of-memory/],
    [
      'that completed although a child of it was killed for memory is completed',
      ended(0, { outOfMemory: true }),
      /^completed/,
    ],
    [
      'behind our back counts as it is',
      ended(1, { end: 'unseen', liveRestore: false }),
      /^failed exit code 1$/,
    ],
    [
      'behind our back with what an engine leaves that stops is lost',
      ended(137, { end: 'unseen', liveRestore: false }),
      /^ContainerLost .*live-restore/,
    ],
    [
      'behind our back by a kill, in an engine with live-restore, is a result',
      ended(137, { end: 'unseen' }),
      /^failed .*137/,
    ],
    [
      'behind our back with what a reboot leaves is lost',
      ended(255, { end: 'unseen' }),
      /^ContainerLost .*went down/,
    ],
    [
      'while the engine was away counts when it has live-restore',
      ended(0, { end: 'engine-away' }),
      /^completed$/,
    ],
    [
      'while the engine was away is lost when it has none, even with 0',
      ended(0, { end: 'engine-away', liveRestore: false }),
      /^ContainerLost/,
    ],
  ])('%s', (_claim, end, expected) => {
    expect(verdict(end)).toMatch(expected);
  });

  it('by the kernel, or by maxRunTime, is none that its exit code has retried', () => {
    const retried = { maxRunTimeSeconds: 60, retryExitCodes: [137], resources };

    const reasons = [{}, { outOfMemory: true }, { timedOut: true }].map(
      (how) => judgeEnd(ended(137, how), retried).reason,
    );

    expect(reasons).toEqual(['intermittent-task', 'out-of-memory', 'max-run-time-exceeded']);
  });

  it('is max-run-time-exceeded by its own times too, whoever has killed it', () => {
    expect(verdict(ended(137, { end: 'unseen', liveRestore: false }), 5)).toMatch(/^max-run-time-exceeded/);
  });
});

describe('the end of a command that wanted more memory than there was', () => {
  const limited = {
    maxRunTimeSeconds: 60,
    retryExitCodes: [],
    resources: { ...resources, memoryBytes: 64 * 2 ** 20 },
  };

  it.each([
    ['of which nobody had seen any use', {}],
    ['which was seen to use less', { peakMemoryBytes: 20e6 }],
  ])('%s says its limit, which it had reached', (_claim, seen) => {
    expect(judgeEnd(ended(137, { outOfMemory: true, ...seen }), limited)).toMatchObject({
      reason: 'out-of-memory',
      detail: 'more memory was needed than its limit of 64 MiB, peak 64 MiB',
      peakMemoryBytes: 64 * 2 ** 20,
    });
  });

  it('without a limit says that there was none, and what was seen', () => {
    const end = ended(137, { outOfMemory: true, peakMemoryBytes: 20e6 });

    expect(judgeEnd(end, { ...limited, resources })).toMatchObject({
      detail: 'the machine had no more memory, peak 19 MiB; the task sets no limit',
      peakMemoryBytes: 20e6,
    });
  });

  it('is told of others only as far as it was seen', () => {
    expect(judgeEnd(ended(0, { peakMemoryBytes: 20e6 }), limited)).toMatchObject({ peakMemoryBytes: 20e6 });
    expect(judgeEnd(ended(0), limited)).not.toHaveProperty('peakMemoryBytes');
  });
});

describe('what is known of a command without a result', () => {
  it('is how long it ran, and its exit code', () =>
    expect(ranOf(ended(137).state)).toEqual({ runMs: 5_000, exitCode: 137 }));

  it.each([
    ['that never ran', { id: 'c', state: 'created', created: '', outOfMemory: false } as const],
    ['that runs', { ...ended(0).state, state: 'running', exitCode: undefined } as const],
    ['whose end the engine only came upon', ended(255).state],
  ])('is nothing of one %s', (_which, state) => expect(ranOf(state)).toBeUndefined());
});
