import { describe, expect, it, jest } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { OpenWork } from '../../model/pure/settle-payloads.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import {
  anImage,
  aPush,
  aTask,
  beating,
  planned,
  SHORT_HISTORIES,
  STORED,
  until,
  untilCancelled,
} from '../helpers/workflow-world.ts';
import { historiesOf } from '../helpers/histories-of.ts';

jest.setTimeout(180_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
}, SHORT_HISTORIES);

describe('a push that goes on in new runs', () => {
  it('starts every task once, after what it depends on', async () => {
    const tasks = Array.from({ length: 48 }, (_, i) =>
      aTask(`t${i}`, { dependencies: i < 12 ? [] : [`t${i - 12}`], image: 'one' }),
    );
    world.plan = () => planned(tasks, [anImage('one')]);

    const { outcome, histories } = await world.during(async () => {
      const push = await world.startPush();
      const ended = await push.result();
      await until(async () => (await historiesOf(env.client, push.id)).every(({ isClosed }) => isClosed));
      return { outcome: ended, histories: await historiesOf(env.client, push.id) };
    });

    expect(outcome.state).toBe('completed');
    expect(world.started.length).toBe(48);
    const startOf = new Map(world.started.map((run, at) => [run, at]));
    for (let i = 12; i < 48; i++)
      expect(startOf.get(`t${i}#0`)).toBeGreaterThan(startOf.get(`t${i - 12}#0`) ?? Infinity);
    expect(histories.length).toBeGreaterThan(2);
  });

  it('goes on also while an image is built, which is built once and answers to whichever run is there', async () => {
    const quick = Array.from({ length: 48 }, (_, i) =>
      aTask(`t${i}`, { dependencies: i < 12 ? [] : [`t${i - 12}`] }),
    );
    world.plan = () =>
      planned([...quick, aTask('imaged', { image: 'slow' })], [anImage('slow', { force: true })]);
    const left = { runs: 0 };
    world.build = async () => {
      const { heartbeat } = Context.current();
      await until(() => {
        heartbeat();
        return quick.every(({ label }) => world.stateOf(label) === 'completed/completed');
      });
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.stateOf('t47') === 'completed/completed');
      left.runs = (await historiesOf(env.client, push.id)).length;
      return push.result();
    });

    expect(outcome.state).toBe('completed');
    expect(left.runs).toBeGreaterThan(1);
    expect(world.builds).toEqual(['slow']);
    expect(world.started.length).toBe(49);
  });

  it('goes on also while an image is built that its plan had not needed', async () => {
    const ended = { state: 'completed', reason: 'completed' } as const;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.plan = () =>
      planned(
        [aTask('again'), aTask('imaged', { image: 'kept', ended })],
        [anImage('kept', { action: 'keep' })],
      );
    world.run = async (label) => {
      if (label === 'again') await beating(opened);
      return {};
    };
    world.build = () => beating(opened);

    const outcome = await world.during(async () => {
      const rerun = { tasks: ['again'], downstream: false };
      const push = await world.startPush({ ...aPush(), rerun, round: 2 });
      await until(() => world.started.includes('again#0'));
      await env.client.workflow.getHandle(push.id).signal('rerun', { tasks: ['imaged'], downstream: false });
      await until(() => world.builds.includes('kept'));
      await world.lengthen(push.id);
      await until(async () => (await historiesOf(env.client, push.id)).length > 1, 20_000);
      open();
      return push.result();
    });

    expect(outcome.state).toBe('completed');
    expect(world.builds).toEqual(['kept']);
    expect(world.started).toEqual(['again#0', 'imaged#0']);
    expect(world.lastRecord().images).toMatchObject([{ name: 'kept', outcome: 'built' }]);
  });

  it.each([
    ['cancelled', (pushId: string) => env.client.workflow.getHandle(pushId).cancel(), {}],
    [
      'superseded',
      (pushId: string) => env.client.workflow.getHandle(pushId).signal('superseded', { by: 'a newer one' }),
      { supersededBy: 'a newer one' },
    ],
  ])('ends when it is %s just before it would go on', async (_how, end, told) => {
    world.plan = () =>
      planned([aTask('t', { image: 'one' }), aTask('after', { dependencies: ['t'] })], [anImage('one')]);
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      await beating(world.lengthen(pushId));
      await end(pushId);
    };

    await world.during(async () => (await world.startPush()).result().catch(() => undefined));

    expect(world.lastRecord().verdict).toMatchObject({ reason: 'canceled', ...told });
    expect(world.unstarted).toEqual([{ label: 'after', reason: 'canceled' }]);
  });

  it('records before it goes on that a task was ended from outside meanwhile', async () => {
    world.plan = () => planned([aTask('lost'), aTask('t', { image: 'one' })], [anImage('one')]);
    world.run = (label) => (label === 'lost' ? untilCancelled() : Promise.resolve({}));
    world.build = () => beating(until(() => world.started.includes('lost#0')));
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      const { workflow } = env.client;
      const isLost = async (): Promise<boolean> =>
        !(await workflow.getHandle(pushId).query<OpenWork>('openWork')).tasks.includes('lost');
      await workflow.getHandle(taskIdIn(pushId, 'lost')).terminate();
      await beating(until(isLost));
      await beating(world.lengthen(pushId));
    };

    const { outcome, runs } = await world.during(async () => {
      const push = await world.startPush();
      return { outcome: await push.result(), runs: (await historiesOf(env.client, push.id)).length };
    });

    expect([outcome.reason, runs]).toEqual(['failed', 2]);
    expect(world.unstarted).toEqual([
      { label: 'lost', reason: 'canceled', detail: 'Its workflow was ended in Temporal' },
    ]);
  });

  it('names the first culprit of a failure that an earlier run of it saw', async () => {
    const quick = Array.from({ length: 16 }, (_, i) =>
      aTask(`quick${i}`, { dependencies: ['broken'], requires: 'all-resolved' }),
    );
    const late = quick.map(({ label }) => label);
    world.plan = () =>
      planned([
        aTask('broken'),
        aTask('never', { dependencies: ['broken'] }),
        ...quick,
        aTask('last', { dependencies: ['never', ...late], requires: 'all-resolved' }),
        aTask('after', { dependencies: ['never', ...late] }),
      ]);
    world.run = (label) => Promise.resolve(label === 'broken' ? { reason: 'failed', exitCode: 1 } : {});

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.stateOf('last')).toBe('completed/completed');
    expect(world.unstarted).toEqual([
      { label: 'never', reason: 'dependency-failed', culprit: 'broken' },
      { label: 'after', reason: 'dependency-failed', culprit: 'broken' },
    ]);
  });

  it('records the ends of thousands of tasks that never start in batches', async () => {
    const rest = Array.from({ length: 2_500 }, (_, i) => aTask(`never${i}`, { dependencies: ['broken'] }));
    world.plan = () => planned([aTask('broken'), ...rest]);
    world.run = () => Promise.resolve({ reason: 'failed', exitCode: 1 });
    const batches: number[] = [];
    world.onUnstarted = (tasks) => void batches.push(tasks.length);

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.unstarted.length).toBe(2_500);
    expect(batches).toEqual([1_000, 1_000, 500]);
  });

  it('does more in a run where it has loaded more pages of its graph', async () => {
    const ended = { state: 'completed', reason: 'completed' } as const;
    const done = Array.from({ length: 2_500 }, (_, i) => aTask(`${'done/'.repeat(36)}${i}`, { ended }));
    const quick = Array.from({ length: 80 }, (_, i) =>
      aTask(`t${i}`, { dependencies: i < 12 ? [] : [`t${i - 12}`] }),
    );
    world.plan = () => planned([...done, ...quick]);

    const { outcome, histories } = await world.during(async () => {
      const push = await world.startPush();
      const ended = await push.result();
      await until(async () => (await historiesOf(env.client, push.id)).every(({ isClosed }) => isClosed));
      return { outcome: ended, histories: await historiesOf(env.client, push.id) };
    });

    expect(outcome.state).toBe('completed');
    expect(world.started.length).toBe(80);
    expect(histories.length).toBeGreaterThan(2);
    // Of three pages; the last run ends when nothing is left.
    expect(histories.filter(({ events }) => events < 120).length).toBeLessThan(2);
  });

  it('carries hundreds of images of more than a hundred layers on', async () => {
    const digest = `sha256:${'d'.repeat(64)}` as const;
    const stored = { ...STORED, diffIds: Array.from({ length: 127 }, () => digest) };
    // As a plan told of them before layers were left out.
    const images = Array.from({ length: 190 }, (_, i) => anImage(`i${i}`, { action: 'reuse', stored }));
    const tasks = Array.from({ length: 48 }, (_, i) =>
      aTask(`t${i}`, { dependencies: i < 12 ? [] : [`t${i - 12}`], image: `i${i}` }),
    );
    world.plan = () => planned(tasks, images);

    const { outcome, runs } = await world.during(async () => {
      const push = await world.startPush();
      return { outcome: await push.result(), runs: (await historiesOf(env.client, push.id)).length };
    });

    expect([outcome.state, world.started.length]).toEqual(['completed', 48]);
    expect(runs).toBeGreaterThan(2);
    expect(new Set(world.lastRecord().images.map(({ outcome: how }) => how))).toEqual(new Set(['reused']));
  });

  it('ends when thousands of tasks wait for an image that is not to be had for a long reason', async () => {
    const tasks = Array.from({ length: 2_000 }, (_, i) => aTask(`t${i}`, { image: 'lost' }));
    const unavailable = `its base is gone: ${'x'.repeat(5_000)}`;
    world.plan = () => planned(tasks, [anImage('lost', { unavailable })]);

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.unstarted).toHaveLength(2_000);
    expect(world.unstarted[0]?.detail).toMatch(/^its base is gone: /);
  });
});
