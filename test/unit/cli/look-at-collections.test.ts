import { describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import { lookAtCollections } from '../../../client/cli/doctor/look-at-collections.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.parse('2026-03-01T12:00:00Z');

/** One that was begun so many days ago; each took an hour. */
interface Begun {
  readonly daysAgo: number;
  readonly became: 'report' | 'trouble' | 'timed out' | 'running' | 'forgotten';
}

const AT_WORK = { daysAgo: 0, became: 'running' } as const;

/** A Temporal server with the schedule of a level, made a year ago unless it is said otherwise. */
function clientWith(
  begun: readonly Begun[] | 'no schedule',
  { paused = false, every = DAY_MS, madeDaysAgo = 365, failsTimes = 0 } = {},
): Pick<Client, 'schedule' | 'workflow'> {
  const actions = begun === 'no schedule' ? [] : begun;
  let failures = failsTimes;
  const find = (id: string): Begun => actions[Number(id.split('-')[1])]!;
  return {
    schedule: {
      getHandle: (id: string) => ({
        async describe() {
          if (failures > 0) {
            failures -= 1;
            throw new Error('no poller seen for task queue recently');
          }
          if (begun === 'no schedule') throw new ScheduleNotFoundError('none', id);
          return {
            state: { paused },
            spec: { intervals: [{ every }] },
            info: {
              createdAt: new Date(NOW - madeDaysAgo * DAY_MS),
              recentActions: actions.map(({ daysAgo }, at) => ({
                takenAt: new Date(NOW - daysAgo * DAY_MS),
                action: { workflow: { workflowId: `gc/1-${at}`, firstExecutionRunId: 'r' } },
              })),
            },
          };
        },
      }),
    },
    workflow: {
      getHandle: (id: string) => ({
        async describe() {
          const { became, daysAgo } = find(id);
          if (became === 'forgotten') throw new WorkflowNotFoundError('none', id, undefined);
          const name = became === 'timed out' ? 'TIMED_OUT' : became === 'running' ? 'RUNNING' : 'COMPLETED';
          return { status: { name }, closeTime: new Date(NOW - daysAgo * DAY_MS + HOUR_MS) };
        },
        result: async () => (find(id).became === 'trouble' ? { trouble: 'the store is away' } : { level: 1 }),
      }),
    },
  } as unknown as Client;
}

const look = (...levels: readonly Pick<Client, 'schedule' | 'workflow'>[]): Promise<Diagnosis> =>
  lookAtCollections(
    levels.map((client, at) => ({ level: at === 0 ? 1 : 3, client })),
    NOW,
  );

describe('doctor about collections', () => {
  it('says of each level when the last one ended', async () => {
    const first = clientWith([
      { daysAgo: 1.5, became: 'report' },
      { daysAgo: 0.5, became: 'report' },
    ]);
    const second = clientWith([
      { daysAgo: 2.5, became: 'report' },
      { daysAgo: 1.5, became: 'trouble' },
      AT_WORK,
    ]);

    expect(await look(first, second)).toEqual({
      part: 'collections',
      ok: true,
      message:
        'level 1: ended 11 h 00 min ago; level 3: ended 2 days ago (the last one failed: the store is away)',
    });
  });

  it.each([
    ['none has ended yet', clientWith([AT_WORK], { madeDaysAgo: 0.1 })],
    ['none has ended yet', clientWith([], { madeDaysAgo: 0.1 })],
    ['paused', clientWith([{ daysAgo: 50, became: 'report' }], { paused: true })],
    ['on no schedule', clientWith('no schedule')],
    // The machine was off until now.
    ['ended 8 days ago', clientWith([{ daysAgo: 9, became: 'report' }, AT_WORK])],
    // It is begun once a week, or was, and Temporal forgets sooner.
    ['ended 6 days ago', clientWith([{ daysAgo: 7, became: 'report' }], { every: 7 * DAY_MS })],
    ['ended 5 days ago', clientWith([{ daysAgo: 5, became: 'forgotten' }], { every: 7 * DAY_MS })],
  ])('finds nothing wrong where it says "%s"', async (told, client) => {
    expect(await look(client)).toEqual({ part: 'collections', ok: true, message: `level 1: ${told}` });
  });

  it.each([
    [
      '4 days (the last one failed: timed out)',
      [
        { daysAgo: 5, became: 'report' },
        { daysAgo: 3, became: 'trouble' },
        { daysAgo: 1, became: 'timed out' },
        AT_WORK,
      ],
    ],
    // Nothing begins one.
    ['3 days', [{ daysAgo: 4, became: 'report' }]],
    ['365 days', []],
    [
      'long (the last one failed: the store is away)',
      [
        { daysAgo: 2, became: 'forgotten' },
        { daysAgo: 1, became: 'trouble' },
      ],
    ],
  ] as const)('says what is wrong where none has ended well for %s', async (long, begun) => {
    expect(await look(clientWith(begun))).toEqual({
      part: 'collections',
      ok: false,
      message: `level 1: none has ended well for ${long}`,
      todo: 'Look what became of the workflows gc/1-… in the pages of Temporal; by hand: slipway gc --level 1',
    });
  });

  it('asks once more where the worker that knows the schedule does not answer yet', async () => {
    const busy = clientWith([{ daysAgo: 1, became: 'report' }], { failsTimes: 2 });
    expect(await look(busy)).toMatchObject({ ok: true, message: 'level 1: ended 23 h 00 min ago' });

    const silent = clientWith([], { failsTimes: Infinity });
    expect(await look(silent)).toMatchObject({
      ok: false,
      message: 'the schedule of level 1 cannot be read: no poller seen for task queue recently',
    });
  });
});
