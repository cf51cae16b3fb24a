import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OutageWatch } from '../../../store/outages.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { RunLog } from '../../../steps/run-log.ts';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('an outage', () => {
  it('begins with the request that failed and ends with the next answer, whoever asked', () => {
    const away = jest.fn();
    const back = jest.fn();
    const watch = new OutageWatch({ onAway: away, onBack: back });
    const began = performance.now();
    jest.advanceTimersByTime(500);
    watch.failed('ECONNREFUSED', began);
    expect(away).not.toHaveBeenCalled();
    jest.advanceTimersByTime(19_500);
    watch.failed('ECONNRESET', performance.now());
    watch.failed('ECONNRESET', performance.now());
    expect(away.mock.calls).toEqual([['ECONNREFUSED']]);
    expect(watch.after(0)).toEqual([]);

    watch.answered();

    expect(watch.after(0)).toEqual([{ ms: 20_000, reason: 'ECONNREFUSED' }]);
    expect(watch.after(1)).toEqual([]);
    expect(back).toHaveBeenCalledTimes(1);
  });

  it('is not told when it was a moment', () => {
    const watch = new OutageWatch();
    watch.failed('EPIPE', performance.now());
    jest.advanceTimersByTime(900);
    watch.answered();

    expect(watch.count).toBe(0);
  });

  it('is also a time in which answers did not come, counted once for all who waited', () => {
    const watch = new OutageWatch();
    const began = performance.now();
    jest.advanceTimersByTime(20_000);
    watch.answered(began);
    watch.answered(began);

    expect(watch.after(0)).toEqual([{ ms: 20_000, reason: 'its answers did not come' }]);
  });
});

describe('the log of a run', () => {
  it('says of each outage that ended while it was written, and of no other', async () => {
    const watch = new OutageWatch();
    const outage = (ms: number): void => {
      watch.failed('it answered 503', performance.now());
      jest.advanceTimersByTime(ms);
      watch.answered();
    };
    const { logs } = createStore(createMemoryObjectStore(), watch);
    const taskId = `task/p/1/${'a'.repeat(40)}/t`;
    outage(5_000);
    const log = await RunLog.open(logs, taskId, 0);
    log.say('one');
    outage(20_000);
    await log.flush();
    log.say('two');
    await log.flush();

    let text = '';
    for await (const chunk of await logs.read(taskId, 0)) text += String(chunk);
    const words = text.split('\n').map((line) => line.replace(/^.*\] /, ''));
    expect(words).toEqual([
      'one',
      'The store was away for 20.0 s (it answered 503); nothing was lost',
      'two',
      '',
    ]);
  });
});
