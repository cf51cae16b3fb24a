import { describe, expect, it, jest } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { cancelNamed } from '../../client/cli/cancel-named.ts';
import { cancelRunning, cancelTasks, isRunning } from '../../client/running-workflows.ts';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { ContainerResult } from '../../model/pure/payloads.ts';
import type { Rerun } from '../../model/pure/rerun.ts';
import type { PushOutcome } from '../../workflows/push.ts';
import { FakeApi } from '../helpers/fake-api.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import {
  anImage,
  aPush,
  aTask,
  failure,
  planned,
  REBUILT,
  STORED,
  until,
  untilCancelled,
} from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
});

const FAILED: Partial<ContainerResult> = { reason: 'failed', exitCode: 1 };
const completed = { state: 'completed', reason: 'completed' } as const;

function rerun(pushId: string, asked: Rerun): Promise<void> {
  return env.client.workflow.getHandle(pushId).signal('rerun', asked);
}

/** What holds a task, and with it the push, until it is let go; the task beats meanwhile. */
function gate(): { opened(): Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    open: () => open(),
    async opened() {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      await opened.finally(() => clearInterval(beat));
    },
  };
}

/** A round in which `running` runs again; while it does, `asked` is asked for too, which is over before it. */
async function rerunWhile(running: string, asked: string): Promise<PushOutcome> {
  const slow = gate();
  world.run = async (label) => {
    if (label === running) await slow.opened();
    return {};
  };
  return world.during(async () => {
    const push = await world.startPush({ ...aPush(), rerun: { tasks: [running], downstream: false } });
    await until(() => world.started.includes(`${running}#0`));
    await rerun(push.id, { tasks: [asked], downstream: false });
    await until(() => world.runsOf(asked) === 1);
    slow.open();
    return push.result();
  });
}

describe('tasks of a running push', () => {
  it('that failed run again, and then what waited for them', async () => {
    const slow = gate();
    world.plan = () =>
      planned([aTask('slow'), aTask('broken'), aTask('after', { dependencies: ['broken'] }), aTask('good')]);
    world.run = async (label, run) => {
      if (label === 'slow') await slow.opened();
      return label === 'broken' && run === 0 ? FAILED : {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.unstarted.length === 1 && world.stateOf('good') === 'completed/completed');
      await rerun(push.id, { tasks: 'failed', downstream: false });
      await until(() => world.stateOf('after') === 'completed/completed');
      slow.open();
      return push.result();
    });

    expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
    expect(world.setBack).toEqual(['broken', 'after']);
    expect([...world.started].sort()).toEqual(['after#0', 'broken#0', 'broken#1', 'good#0', 'slow#0']);
  });

  it('run again with what depends on them, in that order, and one that has not ended once it has', async () => {
    const slow = gate();
    world.plan = () => planned([aTask('slow'), aTask('a'), aTask('b', { dependencies: ['a'] })]);
    world.run = async (label) => {
      if (label === 'slow') await slow.opened();
      return {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.stateOf('b') === 'completed/completed');
      await rerun(push.id, { tasks: ['a', 'slow'], downstream: true });
      slow.open();
      return push.result();
    });

    expect(outcome.state).toBe('completed');
    expect(world.started.filter((run) => !run.startsWith('slow'))).toEqual(['a#0', 'b#0', 'a#1', 'b#1']);
    expect(world.started.filter((run) => run.startsWith('slow'))).toEqual(['slow#0', 'slow#1']);
  });

  it.each([
    ['completes', {}],
    ['fails', FAILED],
  ])(
    'that run and have dependents: these begin after its second run, also where the first one %s',
    async (_, first) => {
      const slow = gate();
      world.plan = () => planned([aTask('a'), aTask('b', { dependencies: ['a'] })]);
      world.run = async (label, run) => {
        if (label !== 'a' || run > 0) return {};
        await slow.opened();
        return first;
      };

      const outcome = await world.during(async () => {
        const push = await world.startPush();
        await until(() => world.started.includes('a#0'));
        await rerun(push.id, { tasks: ['a'], downstream: true });
        slow.open();
        return push.result();
      });

      expect(outcome.state).toBe('completed');
      expect(world.started).toEqual(['a#0', 'a#1', 'b#0']);
    },
  );

  it('that run and are to run again do not once they are cancelled', async () => {
    world.plan = () => planned([aTask('a')]);
    world.run = (_label, run) => (run === 0 ? untilCancelled() : Promise.resolve({}));
    const api = Object.assign(new FakeApi(), {
      isRunning: (id: string) => isRunning(env.client, id),
      cancel: (id: string) => cancelRunning(env.client, id),
      cancelInPush: (id: string) => cancelTasks(env.client, id.replace(/^task(.*)\/a$/, 'push$1'), ['a']),
    });

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('a#0'));
      await rerun(push.id, { tasks: ['a'], downstream: false });
      await cancelNamed(api, taskIdIn(push.id, 'a'));
      return push.result();
    });

    expect(outcome).toEqual({ state: 'failed', reason: 'failed' });
    expect(world.started).toEqual(['a#0']);
    expect(world.stateOf('a')).toBe('exception/canceled');
  });

  it('run again when that is asked while the verdict is being written, and a new verdict follows', async () => {
    world.plan = () => planned([aTask('broken')]);
    world.run = (_label, run) => Promise.resolve(run === 0 ? FAILED : {});
    const pushed = aPush();
    let isAsked = false;
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (isAsked || verdict === undefined) return;
      isAsked = true;
      await rerun(pushId, { tasks: 'failed', downstream: false });
    };

    const outcome = await world.during(async () => (await world.startPush(pushed)).result());

    expect(outcome.state).toBe('completed');
    expect(world.pushRecords.map(({ verdict }) => verdict?.reason)).toEqual(['failed', 'completed']);
  });

  it('that may not run again stay as they ended, and the others run', async () => {
    const slow = gate();
    world.plan = () => planned([aTask('slow'), aTask('broken'), aTask('refused')]);
    world.refused.add('refused');
    world.run = async (label, run) => {
      if (label === 'slow') await slow.opened();
      return label !== 'slow' && run === 0 ? FAILED : {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => ['broken', 'refused'].every((label) => world.stateOf(label) === 'failed/failed'));
      // By name: the push itself may not have heard of their end yet.
      await rerun(push.id, { tasks: ['broken', 'refused'], downstream: false });
      await until(() => world.stateOf('broken') === 'completed/completed');
      slow.open();
      return push.result();
    });

    expect(outcome).toEqual({ state: 'failed', reason: 'failed' });
    expect([...world.started].sort()).toEqual(['broken#0', 'broken#1', 'refused#0', 'slow#0']);
  });

  it('whose image could not be built ask for it again', async () => {
    const slow = gate();
    const image = anImage('broken');
    world.plan = () => planned([aTask('slow'), aTask('a', { image: 'broken' })], [image]);
    world.build = () =>
      world.builds.length === 1 ? Promise.reject(failure('ImageBuildFailed')) : Promise.resolve();
    world.run = async (label) => {
      if (label === 'slow') await slow.opened();
      return {};
    };

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.stateOf('a') === 'unstarted/image-build-failed');
      await rerun(push.id, { tasks: ['a'], downstream: false });
      await until(() => world.runsOf('a') === 1);
      slow.open();
      return push.result();
    });

    expect(outcome.state).toBe('completed');
    expect(world.builds).toEqual(['broken', 'broken']);
    expect(world.lastRecord().images).toMatchObject([{ name: 'broken', outcome: 'built' }]);
  });
});

describe('a new round of a push', () => {
  it('runs what is to run again and leaves the rest as it is, tasks and images, whatever the index has by now', async () => {
    const [used, other] = [anImage('used'), anImage('other')];
    world.indexed.add(used.taskId);
    world.newest = REBUILT;
    const before = { outcome: 'built', bytesUploaded: 5, manifestDigest: STORED.manifestDigest } as const;
    world.plan = () =>
      planned(
        [
          aTask('good', { image: 'other', ended: completed }),
          aTask('again', { image: 'used', firstRun: 2 }),
          aTask('after', { dependencies: ['again', 'good'] }),
        ],
        [
          { ...used, action: 'reuse', stored: STORED, before: { name: 'used', ...before } },
          { ...other, action: 'keep', before: { name: 'other', ...before } },
        ],
      );
    const asked: Rerun = { tasks: ['again'], downstream: true };

    const outcome = await world.during(async () =>
      (await world.startPush({ ...aPush(), rerun: asked })).result(),
    );

    expect(outcome.state).toBe('completed');
    expect(world.reruns).toEqual([asked]);
    expect(world.started).toEqual(['again#2', 'after#0']);
    expect(world.builds).toEqual([]);
    expect(world.loaded).toEqual([`again ${STORED.manifestDigest}`]);
    expect(world.lastRecord().images).toEqual([
      { name: 'used', ...before },
      { name: 'other', ...before },
    ]);
  });

  it('records another image than before where it had to take another', async () => {
    const image = anImage('used');
    world.indexed.add(image.taskId);
    world.newest = REBUILT;
    const before = { outcome: 'built', bytesUploaded: 5, manifestDigest: STORED.manifestDigest } as const;
    world.plan = () =>
      planned(
        [aTask('again', { image: 'used', firstRun: 1 })],
        [{ ...image, before: { name: 'used', ...before } }],
      );

    await world.during(async () =>
      (await world.startPush({ ...aPush(), rerun: { tasks: ['again'], downstream: false } })).result(),
    );

    expect(world.loaded).toEqual([`again ${REBUILT.manifestDigest}`]);
    expect(world.lastRecord().images).toEqual([
      { name: 'used', outcome: 'reused', bytesUploaded: 0, manifestDigest: REBUILT.manifestDigest },
    ]);
  });

  it.each([
    ['pushed', { again: true }],
    ['run', { rerun: { tasks: ['t'], downstream: false } }],
  ])(
    'that is %s again ends the tasks that the one before has left running, and runs its own',
    async (_, asked) => {
      const pushed = aPush();
      world.plan = (round) => planned([aTask('t', { firstRun: round })]);
      world.run = (_label, run) => (run === 0 ? untilCancelled() : Promise.resolve({}));

      const outcome = await world.during(async () => {
        const push = await world.startPush(pushed);
        await until(() => world.started.includes('t#0'));
        await env.client.workflow.getHandle(push.id).terminate();
        const again = await world.startPush({ ...pushed, ...asked, round: 2 });
        await until(() => world.started.includes('t#1'), 20_000);
        return again.result();
      });

      expect(outcome.state).toBe('completed');
      expect(world.runRecords.map(({ run, reason }) => `${run} ${reason}`)).toEqual([
        '0 canceled',
        '1 completed',
      ]);
    },
  );

  it('that is refused ends as one whose plan has a mistake, and says which', async () => {
    world.plan = () => {
      throw failure('NotGranted');
    };

    const outcome = await world.during(async () =>
      (await world.startPush({ ...aPush(), rerun: { tasks: ['again'], downstream: false } })).result(),
    );

    expect(outcome).toEqual({ state: 'exception', reason: 'malformed-plan' });
    expect(world.pushRecords).toMatchObject([
      { plannedAt: '', verdict: { reason: 'malformed-plan', detail: 'it was NotGranted' } },
    ]);
  });

  it('fails while something that it leaves as it is has failed', async () => {
    world.plan = () =>
      planned([aTask('bad', { ended: { state: 'failed', reason: 'failed' } }), aTask('again')]);

    const outcome = await world.during(async () =>
      (await world.startPush({ ...aPush(), rerun: { tasks: ['again'], downstream: false } })).result(),
    );

    expect(outcome).toEqual({ state: 'failed', reason: 'failed' });
    expect(world.started).toEqual(['again#0']);
  });

  it('asks for an image that it had not needed when a task that needs it is to run again, too', async () => {
    const image = anImage('kept');
    world.plan = () =>
      planned(
        [aTask('imaged', { image: 'kept', firstRun: 1, ended: completed }), aTask('again')],
        [{ ...image, action: 'keep', before: { name: 'kept', outcome: 'built', bytesUploaded: 1 } }],
      );

    expect((await rerunWhile('again', 'imaged')).state).toBe('completed');
    expect(world.builds).toEqual(['kept']);
  });

  it('takes that image as it was recorded, where it was', async () => {
    const image = anImage('kept');
    const before = { outcome: 'built', bytesUploaded: 1, manifestDigest: STORED.manifestDigest } as const;
    world.indexed.add(image.taskId);
    world.newest = REBUILT;
    world.plan = () =>
      planned(
        [aTask('imaged', { image: 'kept', firstRun: 1, ended: completed }), aTask('again')],
        [{ ...image, action: 'keep', stored: STORED, before: { name: 'kept', ...before } }],
      );

    expect((await rerunWhile('again', 'imaged')).state).toBe('completed');
    expect(world.builds).toEqual([]);
    expect(world.loaded).toEqual([`imaged ${STORED.manifestDigest}`]);
    expect(world.lastRecord().images).toEqual([{ name: 'kept', ...before }]);
  });
});
