import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { createCommandLine } from '../../../client/cli/command-line.ts';
import { catchInterruption, untilInterrupted } from '../../../client/cli/interruption.ts';

describe('Ctrl-C', () => {
  it('ends a process at once where another one was before it, and not where only its output ended', () => {
    const exits: unknown[] = [];
    const source = Object.assign(new EventEmitter(), { exit: (code: unknown) => exits.push(code) });
    const { signal, abort } = catchInterruption(source as unknown as NodeJS.Process);

    abort('nobody reads');
    source.emit('SIGINT');
    const afterFirst = [...exits];
    source.emit('SIGINT');

    expect(signal.reason).toMatchObject({ name: 'AbortError', message: 'nobody reads' });
    expect(afterFirst).toEqual([]);
    expect(exits).toEqual([130]);
  });
});

describe('work that does not hear the signal', () => {
  it('is not waited for once that has come', async () => {
    const interruption = new AbortController();
    const ended = untilInterrupted(new Promise(() => undefined), interruption.signal);

    interruption.abort(new Error('Ctrl-C'));

    await expect(ended).rejects.toThrow('Ctrl-C');
    await expect(untilInterrupted(new Promise(() => undefined), interruption.signal)).rejects.toThrow();
  });
});

describe('work that hears the signal itself', () => {
  it('ends as it does by itself, with its last words', async () => {
    const interruption = new AbortController();
    const work = once(interruption.signal, 'abort').then(() => 'put away');
    const ended = untilInterrupted(work, interruption.signal);

    interruption.abort();

    expect(await ended).toBe('put away');
  });

  it('ends as it does where there is no signal', async () => {
    const { signal } = new AbortController();

    expect(await untilInterrupted(Promise.resolve(7), signal)).toBe(7);
    await expect(untilInterrupted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
  });
});

describe('a verb', () => {
  it.each([
    ['asks only', ['status'], true],
    ['has trial containers to remove', ['doctor'], false],
    ['has files to remove', ['download', 'unit', 'public/x'], false],
  ])('that %s ends at once, or not: %j', async (_claim, args, expected) => {
    let endsAtOnce: boolean | undefined;

    await createCommandLine(args, (_args, _run, options) => {
      ({ endsAtOnce } = options);
      return Promise.resolve();
    }).parseAsync();

    expect(endsAtOnce).toBe(expected);
  });
});
