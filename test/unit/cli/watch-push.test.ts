import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../../client/cli/exit-codes.ts';
import { exitCodeOf, watchPush } from '../../../client/cli/watch-push.ts';
import { NotFound, StoreUnavailable, TemporalUnavailable } from '../../../model/errors.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { FakeApi } from '../../helpers/fake-api.ts';
import { aPush, aRun, aTask } from '../../helpers/push-documents.ts';

const NEVER = new AbortController().signal;
const RESOLVED = '2026-01-02T03:05:00.000Z';

describe('exitCodeOf', () => {
  it.each([
    [aPush({ state: 'completed', reason: 'completed', decisionMs: 1 }), EXIT.good],
    [aPush({ state: 'failed', reason: 'failed', decisionMs: 1 }), EXIT.unsuccessful],
    [aPush({ state: 'exception', reason: 'canceled', decisionMs: 1 }), EXIT.unsuccessful],
    [aPush({ state: 'exception', reason: 'malformed-plan' }), EXIT.usage],
    // Without a plan there was no slipway.yml.
    [aPush({ state: 'completed', reason: 'completed' }), EXIT.usage],
  ])('gives %o its code', (document, code) => expect(exitCodeOf(document)).toBe(code));
});

describe('watchPush', () => {
  it('prints one document and nothing else on stdout for programs', async () => {
    const api = new FakeApi();
    const running = aPush({ decisionMs: 1, tasks: [aTask()] });
    const done = {
      ...running,
      state: 'completed' as const,
      reason: 'completed' as const,
      resolved: RESOLVED,
    };
    api.rounds = [[running, done]];
    const captured = captureTerminal();

    const code = await watchPush(api, running.id, { json: true, terminal: captured.terminal, signal: NEVER });

    expect(code).toBe(EXIT.good);
    expect(JSON.parse(captured.stdout())).toEqual(done);
    expect(captured.stderr()).toBe('');
  });

  it('appends a line for each change and ends with the logs of what failed', async () => {
    const api = new FakeApi();
    const failed = aTask({ state: 'failed', reason: 'failed', runs: [aRun({ exitCode: 3 })] });
    api.rounds = [
      [
        aPush({ decisionMs: 1, tasks: [aTask()] }),
        aPush({ decisionMs: 1, tasks: [failed], state: 'failed', reason: 'failed', resolved: RESOLVED }),
      ],
    ];
    api.logs.set(failed.taskId, `${Array.from({ length: 80 }, (_, n) => `line ${n}`).join('\n')}\n`);
    const captured = captureTerminal();

    const code = await watchPush(api, aPush().id, {
      json: false,
      terminal: captured.terminal,
      signal: NEVER,
    });

    expect(code).toBe(EXIT.unsuccessful);
    expect(captured.stdout()).toContain('unit: failed with exit code 3');
    expect(captured.stdout()).toContain('  | line 30\n');
    expect(captured.stdout()).not.toContain('  | line 29\n');
    expect(captured.stdout()).toContain('  | line 79\n');
  });

  it('passes over a verdict from before for a while where the number of the round is not known', async () => {
    const api = new FakeApi();
    const since = Date.now();
    const old = aPush({ state: 'failed', reason: 'failed', decisionMs: 1, resolved: RESOLVED });
    const fresh = {
      ...old,
      state: 'completed' as const,
      reason: 'completed' as const,
      resolved: new Date(since + 1).toISOString(),
    };
    api.rounds = [[old], [old], [fresh]];
    const captured = captureTerminal();

    const code = await watchPush(api, old.id, {
      json: true,
      since,
      terminal: captured.terminal,
      signal: NEVER,
    });

    expect(code).toBe(EXIT.good);
    expect(JSON.parse(captured.stdout())).toEqual(fresh);
  });

  describe('of a round that was asked for', () => {
    const old = aPush({ state: 'failed', reason: 'failed', decisionMs: 1, resolved: RESOLVED });
    const fresh = { ...old, state: 'completed' as const, reason: 'completed' as const, round: 2 };
    /** Longer ago than a round mostly takes to begin. */
    const since = Date.now() - 600_000;

    it('passes over what is told of earlier ones, however long its planning takes', async () => {
      const api = new FakeApi();
      api.rounds = [[old], [old], [aPush({ round: 2 }), fresh]];
      const captured = captureTerminal();
      const options = { json: true, since, round: 2, terminal: captured.terminal, signal: NEVER };

      const code = await watchPush(api, old.id, options);

      expect(code).toBe(EXIT.good);
      expect(JSON.parse(captured.stdout())).toEqual(fresh);
    });

    it('believes the record once its workflow has ended', async () => {
      const api = new FakeApi();
      api.running = false;
      const cancelled = { ...old, state: 'exception' as const, reason: 'canceled' as const };
      api.rounds = [[old], [cancelled]];
      const captured = captureTerminal();
      const options = { json: true, since, round: 2, terminal: captured.terminal, signal: NEVER };

      const code = await watchPush(api, old.id, options);

      expect(code).toBe(EXIT.unsuccessful);
      expect(JSON.parse(captured.stdout())).toEqual(cancelled);
    });

    it('says once that nobody plans it', async () => {
      const api = new FakeApi();
      api.rounds = [[old]];
      api.silent = ['control-1'];
      const captured = captureTerminal();
      const options = { json: false, since, round: 2, terminal: captured.terminal, lookEveryMs: 5 };

      await watchPush(api, old.id, { ...options, signal: AbortSignal.timeout(300) }).catch(() => undefined);

      expect(captured.stdout().match(/no worker polls control-1/g)).toHaveLength(1);
      expect(captured.stdout()).not.toContain('planned in');
    });

    it('waits while Temporal is away', async () => {
      const api = new FakeApi();
      api.rounds = [[old], [old], [fresh]];
      api.isRunning = () => Promise.reject(new TemporalUnavailable('localhost:7233', 'no answer'));
      const captured = captureTerminal();
      const options = { json: true, since, round: 2, terminal: captured.terminal, signal: NEVER };

      expect(await watchPush(api, old.id, options)).toBe(EXIT.good);
    });
  });

  it('counts the time of a new round from when it was asked for', async () => {
    const api = new FakeApi();
    const since = Date.now();
    const resolved = new Date(since + 7_000).toISOString();
    const fresh = aPush({ state: 'completed', reason: 'completed', decisionMs: 1, resolved });
    api.rounds = [[fresh]];
    const captured = captureTerminal();

    await watchPush(api, fresh.id, { json: false, since, terminal: captured.terminal, signal: NEVER });

    expect(captured.stdout()).toContain('completed in 7.0 s');
  });

  it('says once what holds up a task that stays pending', async () => {
    const api = new FakeApi();
    const pending = aTask({ state: 'pending' });
    api.rounds = [[aPush({ decisionMs: 1, tasks: [pending] })]];
    api.lacking = new Map([[pending.taskId, 'The machine has 1 GB of memory free, and the task needs 2 GB']]);
    const captured = captureTerminal();
    const options = { json: false, terminal: captured.terminal, signal: AbortSignal.timeout(300) };

    await watchPush(api, aPush().id, { ...options, lookEveryMs: 5 }).catch(() => undefined);

    expect(captured.stdout().match(/unit waits: The machine has 1 GB of memory free/g)).toHaveLength(1);
  });

  it('says once what planning does that takes long, and again when it does something else', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush()]];
    const told = ['fetching a', 'fetching a', 'making the plan'];
    api.planning = () => Promise.resolve(told.length > 1 ? told.shift() : told[0]);
    const captured = captureTerminal();
    const options = { json: false, terminal: captured.terminal, signal: AbortSignal.timeout(300) };

    await watchPush(api, aPush().id, { ...options, lookEveryMs: 5 }).catch(() => undefined);

    expect(captured.stdout().match(/it is being planned: .*/g)).toEqual([
      'it is being planned: fetching a',
      'it is being planned: making the plan',
    ]);
  });

  it('says at the bottom what is away, until it answers', async () => {
    const api = new FakeApi();
    const running = aPush({ decisionMs: 1, tasks: [aTask({ state: 'running' })] });
    const done = {
      ...running,
      state: 'completed' as const,
      reason: 'completed' as const,
      resolved: RESOLVED,
    };
    api.follow = async function* (_pushId, _signal, onAway) {
      yield running;
      onAway?.(new StoreUnavailable('GetObject', 'b', 'k', 'ECONNREFUSED'));
      onAway?.(new TemporalUnavailable('localhost:7233', 'no answer'));
      yield running;
      yield done;
    };
    const captured = captureTerminal({ tty: true });

    const code = await watchPush(api, running.id, {
      json: false,
      terminal: captured.terminal,
      signal: NEVER,
    });

    expect(code).toBe(EXIT.good);
    expect(captured.stderr()).toMatch(
      /running unit.*the store does not answer, and is waited for.*Temporal does not answer.*running unit/s,
    );
    expect(captured.stdout()).not.toContain('does not answer');
  });

  it.each([
    [
      'when it cannot be followed any more',
      new StoreUnavailable('GetObject', 'b', 'k', 'AccessDenied'),
      true,
    ],
    ['not of one that has ended', new NotFound('Push has ended, and its records are gone'), false],
  ])('says that the push goes on %s', async (_when, error, goesOn) => {
    const api = new FakeApi();
    api.follow = async function* () {
      yield aPush();
      throw error;
    };
    const captured = captureTerminal();
    const watching = watchPush(api, aPush().id, { json: false, terminal: captured.terminal, signal: NEVER });

    await expect(watching).rejects.toBe(error);

    expect(captured.stderr().includes(`The push goes on; to see it again: slipway watch ${aPush().id}`)).toBe(
      goesOn,
    );
  });

  it('says that the push goes on when the watcher leaves', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush()]];
    const captured = captureTerminal();
    const leaving = AbortSignal.timeout(20);

    await expect(
      watchPush(api, aPush().id, { json: false, terminal: captured.terminal, signal: leaving }),
    ).rejects.toThrow();

    expect(captured.stderr()).toContain(`slipway watch ${aPush().id}`);
  });
});
