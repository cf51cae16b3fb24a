import { describe, expect, it, jest } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { temporal } from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { GraphImage, PushInput, TaskInput } from '../../model/pure/payloads.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import {
  aPush,
  anImage,
  aTask,
  beating,
  planned,
  STORED,
  until,
  untilCancelled,
} from '../helpers/workflow-world.ts';

jest.setTimeout(90_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
});

type Event = temporal.api.history.v1.IHistoryEvent;

async function eventsOf(workflowId: string): Promise<readonly Event[]> {
  return (await env.client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
}

/** When a workflow began. */
function startOf([first]: readonly Event[]): number {
  const { seconds, nanos } = first?.eventTime ?? {};
  return Number(seconds) * 1000 + Number(nanos) / 1_000_000;
}

/** With what the tasks of a push were started, by label and run. */
function startedWith(events: readonly Event[]): ReadonlyMap<string, TaskInput> {
  const inputs = events.flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: started }) => {
    const data = started?.input?.payloads?.[0]?.data;
    return data ? [JSON.parse(Buffer.from(data).toString()) as TaskInput] : [];
  });
  return new Map(inputs.map((input) => [`${input.label}#${input.firstRun}`, input]));
}

/** Lets a task come to its end. */
function hold(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

const signal = (pushId: string, name: string, input: object): Promise<void> =>
  env.client.workflow.getHandle(pushId).signal(name, input);
const beganAt = (deadline: string | undefined, seconds: number): number =>
  Date.parse(deadline ?? '') - seconds * 1000;

describe('the deadline of a task', () => {
  it('counts from the push on, and from a rerun on for what runs again', async () => {
    const slow = hold();
    world.plan = () =>
      planned([
        aTask('first', { deadlineSeconds: 60 }),
        aTask('next', { dependencies: ['first'], deadlineSeconds: 600 }),
        aTask('slow', { dependencies: ['next'] }),
      ]);
    world.run = async (label) => {
      if (label === 'first') await new Promise((resolve) => setTimeout(resolve, 1_500));
      if (label === 'slow') await slow.opened;
      return {};
    };

    const events = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('slow#0'));
      await signal(push.id, 'rerun', { tasks: ['next'], downstream: false });
      await until(() => world.started.includes('next#1'));
      slow.open();
      await push.result();
      return eventsOf(push.id);
    });

    const began = startOf(events);
    const inputs = startedWith(events);
    expect(Math.abs(beganAt(inputs.get('first#0')?.deadline, 60) - began)).toBeLessThan(2);
    expect(Math.abs(beganAt(inputs.get('next#0')?.deadline, 600) - began)).toBeLessThan(2);
    expect(beganAt(inputs.get('next#1')?.deadline, 600) - began).toBeGreaterThan(1_500);
  });

  it('ends one that waits for a task, which goes on, and then what depends on it', async () => {
    const slow = hold();
    world.plan = () =>
      planned([
        aTask('slow'),
        aTask('waits', { dependencies: ['slow'], deadlineSeconds: 2 }),
        aTask('after', { dependencies: ['waits'] }),
      ]);
    world.run = async () => {
      await slow.opened;
      return {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.unstarted.length === 2);
      slow.open();
      return push.result();
    });

    expect(outcome.reason).toBe('failed');
    expect(world.unstarted).toEqual([
      {
        label: 'waits',
        reason: 'deadline-exceeded',
        detail:
          'Its deadline came 2 seconds after the push or rerun that asked for it, while it waited for slow',
      },
      { label: 'after', reason: 'dependency-failed', culprit: 'waits' },
    ]);
    expect(world.stateOf('slow')).toBe('completed/completed');
    expect(world.started).toEqual(['slow#0']);
  });

  it('ends one that waits for an image, whose build goes on for others and is taken back where nobody else wants it', async () => {
    const [shared, own] = [anImage('shared'), anImage('own')];
    const built = hold();
    world.build = (name) => (name === 'own' ? untilCancelled() : beating(built.opened));
    const isHurried = (push: PushInput): boolean => push.pushedBy === 'hurried';
    const hurried = { ...aPush(), pushedBy: 'hurried' };
    world.planOf = (push) =>
      isHurried(push)
        ? planned(
            [
              aTask('a', { image: 'shared', deadlineSeconds: 10 }),
              aTask('b', { image: 'own', deadlineSeconds: 10 }),
            ],
            [shared, own],
          )
        : planned([aTask('patient', { image: 'shared' })], [shared]);

    const [first, second] = await world.during(async () => {
      const patient = await world.startPush();
      await until(() => world.builds.includes('shared'));
      const push = await world.startPush(hurried);
      const outcome = await push.result();
      built.open();
      return [outcome, await patient.result()] as const;
    });

    expect(first.reason).toBe('failed');
    expect(world.unstarted.map(({ label, reason, detail }) => [label, reason, detail])).toEqual([
      ['a', 'deadline-exceeded', expect.stringMatching(/ while it waited for image shared$/)],
      ['b', 'deadline-exceeded', expect.stringMatching(/ while it waited for image own$/)],
    ]);
    expect(second.reason).toBe('completed');
    expect([...world.builds].sort()).toEqual(['own', 'shared']);
    await until(() => world.imageRecords.some(({ name, reason }) => name === 'own' && reason === 'canceled'));
    expect(world.started).toEqual(['patient#0']);
  });

  it('ends a task whose time was over when it began', async () => {
    const pushed = aPush();
    const taskId = `task/demo/1/${pushed.revision}/t`;
    const input: TaskInput = {
      pushId: `push/demo/1/${pushed.revision}`,
      plannedAt: '',
      taskId,
      label: 't',
      level: 1,
      firstRun: 0,
      retries: 0,
      deadlineSeconds: 3600,
      deadline: new Date(Date.now() - 1_000).toISOString(),
      maxRunTimeSeconds: 60,
    };
    world.run = () => untilCancelled();

    await world.during(() =>
      env.client.workflow.execute('task', { workflowId: taskId, taskQueue: 'control-1', args: [input] }),
    );

    expect(world.stateOf('t')).toBe('exception/deadline-exceeded');
    expect(world.runRecords.at(-1)?.detail).toBe(
      'Its deadline came 1 hour after the push or rerun that asked for it',
    );
  });
});

describe('a task that is cancelled before it has begun', () => {
  it('ends as canceled, and what depends on it as for any other end; the rest goes on', async () => {
    const slow = hold();
    world.plan = () =>
      planned([
        aTask('compile'),
        aTask('unit', { dependencies: ['compile'] }),
        aTask('docs', { dependencies: ['unit'] }),
        aTask('tidy', { dependencies: ['unit'], requires: 'all-resolved' }),
      ]);
    world.run = async () => {
      await slow.opened;
      return {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('compile#0'));
      await signal(push.id, 'cancelTasks', { labels: ['unit', 'nobody'] });
      await until(() => world.started.includes('tidy#0'));
      slow.open();
      return push.result();
    });

    expect(outcome.reason).toBe('failed');
    expect(world.unstarted).toEqual([
      { label: 'unit', reason: 'canceled' },
      { label: 'docs', reason: 'dependency-failed', culprit: 'unit' },
    ]);
    expect([...world.started].sort()).toEqual(['compile#0', 'tidy#0']);
    expect(world.stateOf('compile')).toBe('completed/completed');
  });

  it('is cancelled as ever when it has begun meanwhile, and left alone when it has ended', async () => {
    world.plan = () => planned([aTask('done'), aTask('begun', { dependencies: ['done'] })]);
    world.run = (label) => (label === 'begun' ? untilCancelled() : Promise.resolve({}));

    await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('begun#0'));
      await signal(push.id, 'cancelTasks', { labels: ['done', 'begun'] });
      await push.result();
    });

    expect(world.killed).toEqual(['begun']);
    expect(world.stateOf('begun')).toBe('exception/canceled');
    expect(world.stateOf('done')).toBe('completed/completed');
  });

  it('runs again when that is asked after the cancel, begun or not, though the push hears of both at once', async () => {
    const slow = hold();
    const labels = ['waits', 'runs'];
    world.plan = () =>
      planned([aTask('slow'), aTask('waits', { dependencies: ['slow'] }), aTask('runs')], [anImage('one')]);
    world.run = async (label, run) => {
      if (label === 'slow') await slow.opened;
      return label === 'runs' && run === 0 ? untilCancelled() : {};
    };
    world.build = () => beating(until(() => world.started.includes('runs#0')));
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      await signal(pushId, 'cancelTasks', { labels });
      await signal(pushId, 'rerun', { tasks: labels, downstream: false });
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.setBack.length === labels.length, 20_000);
      slow.open();
      return push.result();
    });

    expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
    expect(world.unstarted).toEqual([{ label: 'waits', reason: 'canceled' }]);
    expect([...world.started].sort()).toEqual(['runs#0', 'runs#1', 'slow#0', 'waits#0']);
  });

  it('takes its image back when no task needs it any more, and has it again when it runs again', async () => {
    const [base, lint] = [anImage('base'), anImage('lint', { parent: 'base' })];
    world.parents.set('lint', { taskId: base.taskId, name: 'base' });
    world.plan = () =>
      planned(
        [aTask('waits', { image: 'lint' }), aTask('on', { image: 'base' }), aTask('slow')],
        [base, lint],
      );
    const slow = hold();
    let isLate = false;
    world.build = () => (isLate ? Promise.resolve() : untilCancelled());
    world.run = async (label) => {
      if (label === 'slow') await slow.opened;
      return {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.builds.includes('base'));
      await signal(push.id, 'cancelTasks', { labels: ['waits'] });
      await until(() => world.pushRecords.length > 0);
      const images = world.lastRecord().images.map(({ name, outcome: how }) => `${name} ${how}`);
      expect(images).toEqual(['base pending', 'lint canceled']);
      await signal(push.id, 'cancelTasks', { labels: ['on'] });
      await until(() =>
        world.imageRecords.some(({ name, reason }) => name === 'base' && reason === 'canceled'),
      );
      isLate = true;
      await signal(push.id, 'rerun', { tasks: ['waits', 'on'], downstream: false });
      await until(() => world.started.includes('waits#0') && world.started.includes('on#0'));
      slow.open();
      return push.result();
    });

    expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
    expect(world.lastRecord().images).toEqual([
      expect.objectContaining({ name: 'base', manifestDigest: STORED.manifestDigest }),
      expect.objectContaining({ name: 'lint', manifestDigest: STORED.manifestDigest }),
    ]);
  });
});

describe('an image is built', () => {
  it('with the priority of the most urgent task that waits for it or for one on it, in fairness to other projects', async () => {
    const [deep, base, lint, other, unneeded] = ['deep', 'base', 'lint', 'other', 'unneeded'].map((name) =>
      anImage(name, name === 'lint' ? { parent: 'base' } : {}),
    ) as [GraphImage, GraphImage, GraphImage, GraphImage, GraphImage];
    world.parents.set('lint', { taskId: base.taskId, name: 'base' });
    // An index that has gone since: the plan knows nothing of its parent.
    world.parents.set('other', { taskId: deep.taskId, name: 'deep' });
    const tasks = [
      aTask('lazy', { image: 'lint', priority: 4 }),
      aTask('urgent', { image: 'lint', priority: 1 }),
      aTask('slow', { image: 'base', priority: 5 }),
      aTask('elsewhere', { image: 'other', priority: 2 }),
    ];
    world.plan = () => planned(tasks, [base, lint, other, unneeded]);
    const built = new Map<string, unknown>();
    world.build = (name) => {
      built.set(name, Context.current().info.priority);
      return Promise.resolve();
    };

    await world.during(async () => (await world.startPush()).result());

    const keys = { base: 1, deep: 2, lint: 1, other: 2, unneeded: 5 };
    expect(Object.fromEntries(built)).toEqual(
      Object.fromEntries(
        Object.entries(keys).map(([name, priorityKey]) => [
          name,
          expect.objectContaining({ priorityKey, fairnessKey: 'demo' }),
        ]),
      ),
    );
  });
});

describe('a task is started', () => {
  it('with the priority that it has in the plan, in fairness to other projects', async () => {
    world.plan = () => planned([aTask('urgent', { priority: 1 }), aTask('lazy', { priority: 5 })]);

    const events = await world.during(async () => {
      const push = await world.startPush();
      await push.result();
      return eventsOf(push.id);
    });

    const started = events.flatMap(
      ({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child ?? [],
    );
    expect(started.map(({ workflowId, priority }) => [workflowId?.split('/').at(-1), priority])).toEqual([
      ['urgent', expect.objectContaining({ priorityKey: 1, fairnessKey: 'demo' })],
      ['lazy', expect.objectContaining({ priorityKey: 5, fairnessKey: 'demo' })],
    ]);
  });

  it('so that it is kept where it fails, when the rerun asks for that', async () => {
    const slow = hold();
    world.plan = () => planned([aTask('slow'), aTask('broken'), aTask('other')]);
    world.run = async (label) => {
      if (label === 'slow') await slow.opened;
      return label === 'slow' ? {} : { reason: 'failed', exitCode: 1 };
    };

    const events = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.stateOf('broken') !== 'unknown' && world.stateOf('other') !== 'unknown');
      await signal(push.id, 'rerun', { tasks: ['broken'], downstream: false, hold: true });
      await signal(push.id, 'rerun', { tasks: ['other'], downstream: false });
      await until(() => world.started.includes('broken#1') && world.started.includes('other#1'));
      slow.open();
      await push.result();
      return eventsOf(push.id);
    });
    const again = await world.during(async () => {
      const rerun = { tasks: ['broken'], downstream: false, hold: true };
      const push = await world.startPush({ ...aPush(), rerun, round: 2 });
      await push.result();
      return eventsOf(push.id);
    });

    const held = [...startedWith(events)].flatMap(([name, { hold: isHeld }]) => (isHeld ? [name] : []));
    expect(held).toEqual(['broken#1']);
    expect(startedWith(again).get('broken#0')?.hold).toBe(true);
  });
});
