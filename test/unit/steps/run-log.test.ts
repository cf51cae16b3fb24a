import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Logs } from '../../../store/store.ts';

const taskId = taskIdIn(`push/demo/1/${'a'.repeat(40)}`, 't');
const STEP_MS = 10;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A log that had so many chunks before, opened as by whoever takes a run over, and when chunks came to it since. */
async function logAfter(chunks: number): Promise<{ readonly log: RunLog; readonly came: number[] }> {
  const { logs } = createStore(createMemoryObjectStore());
  const began = performance.now();
  const came: number[] = [];
  const watched: Logs = {
    ...logs,
    append: (...args) => {
      came.push(performance.now() - began);
      return logs.append(...args);
    },
  };
  if (chunks > 0) await logs.append(taskId, 0, { seq: chunks - 1, text: Buffer.from('x'), taskBytes: 1 });
  return { log: await RunLog.open(watched, taskId, 0), came };
}

/** A line each time, for so long. */
async function print(log: RunLog, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    await log.write(Buffer.from('a line\n'));
    await jest.advanceTimersByTimeAsync(STEP_MS);
  }
}

describe('the log of a task that prints steadily', () => {
  it.each([
    ['at first', 0, 50, 300],
    ['of some minutes', 725, 28, 525],
    ['of an hour', 5_000, 20, 750],
    ['of a day', 100_000, 20, 750],
  ])('has its chunks %s, after %d, so that %d of them come in 15 s', async (_name, before, many, pauseMs) => {
    const { log, came } = await logAfter(before);

    await print(log, 15_000);

    expect(Math.abs(came.length - many)).toBeLessThanOrEqual(1);
    const pauses = came.slice(1).map((at, n) => at - (came[n] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(pauseMs + 5 * STEP_MS);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(pauseMs - 1);
  });

  it('has a line after a silence as soon as ever, however long it is', async () => {
    const { log, came } = await logAfter(5_000);
    await print(log, 3_000);
    await jest.advanceTimersByTimeAsync(5_000);
    const before = came.length;
    const began = performance.now();
    await log.write(Buffer.from('a line\n'));

    await jest.advanceTimersByTimeAsync(310);

    expect(came.length).toBe(before + 1);
    expect(performance.now() - began).toBeLessThanOrEqual(310);
  });
});
