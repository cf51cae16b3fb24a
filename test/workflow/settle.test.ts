import { describe, expect, it, jest } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { pushId as pushIdOf, taskIdIn } from '../../model/pure/ids.ts';
import type { PushInput } from '../../model/pure/payloads.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import {
  anImage,
  aPush,
  aTask,
  planned,
  SHORT_HISTORIES,
  until,
  untilCancelled,
} from '../helpers/workflow-world.ts';

jest.setTimeout(120_000);

const NOTHING = { pushes: [], tasks: [], images: [] };

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
}, SHORT_HISTORIES);

describe('settling', () => {
  it('tells a push of a task that was terminated after the push had continued as new', async () => {
    const pushed = aPush();
    const long = aTask('long');
    const many = Array.from({ length: 20 }, (_, i) => aTask(`quick${i}`));
    const tasks = [long, ...many, aTask('after', { dependencies: ['long'] })];
    world.plan = () => planned(tasks);
    world.run = (label) => (label === 'long' ? untilCancelled() : Promise.resolve({}));
    await world.recordPlanned(pushed, tasks);

    const { outcome, settled, again } = await world.during(async () => {
      const push = await world.startPush(pushed);
      const handle = env.client.workflow.getHandle(push.id);
      const first = (await handle.describe()).runId;
      await until(
        async () => (await handle.describe()).runId !== first && world.runRecords.length === many.length,
      );
      const taskId = `${push.id.replace('push/', 'task/')}/long`;
      await env.client.workflow.getHandle(taskId).terminate('enough');
      let settled = await world.settle();
      // The server's list of what runs lags behind, and a later look of the schedule finds it.
      while (settled.tasks.length === 0) settled = await world.settle();
      return { settled, outcome: await push.result(), again: await world.settle() };
    });

    expect(settled).toMatchObject({ pushes: [], tasks: [expect.stringMatching(/\/long$/)] });
    expect(outcome.reason).toBe('failed');
    expect(world.stateOf('after')).toBe('unstarted/dependency-failed');
    expect(await world.store.tasks.find(settled.tasks[0] ?? '')).toMatchObject({
      state: 'exception',
      reason: 'canceled',
      detail: expect.stringContaining('enough'),
    });
    // The fakes have not written the push's verdict where settling looks.
    expect(again.tasks).toEqual([]);
  });

  it('leaves alone what goes on: a push that is being planned, one that runs tasks and waits for an image', async () => {
    const [planning, running] = [aPush(), aPush()];
    const tasks = [aTask('t'), aTask('imaged', { image: 'slow' })];
    let plan = (): void => undefined;
    const mayPlan = new Promise<void>((resolve) => (plan = resolve));
    world.plan = () => planned(tasks, [anImage('slow')]);
    world.beforePlan = ({ pushId }) => (pushId === pushIdOf(planning) ? mayPlan : Promise.resolve());
    world.run = () => untilCancelled();
    world.build = () => untilCancelled();
    await world.recordPlanned(running, tasks);

    const settled = await world.during(async () => {
      const pushes = [await world.startPush(planning), await world.startPush(running)];
      await until(() => world.started.includes('t#0') && world.builds.includes('slow'));
      const settled = [await world.settle(), await world.settle()];
      plan();
      for (const push of pushes) await push.cancel();
      await Promise.all(pushes.map((push) => push.result().catch(() => undefined)));
      return settled;
    });

    expect(settled).toEqual([NOTHING, NOTHING]);
  });

  it('leaves a push alone that is started again between its two looks', async () => {
    const pushed = aPush();
    const tasks = [aTask('t')];
    world.plan = () => planned(tasks);
    world.run = () => untilCancelled();
    await world.recordPlanned(pushed, tasks);

    const settled = await world.during(async () => {
      const before = await world.startPush(pushed);
      await until(() => world.started.length === 1);
      await env.client.workflow.getHandle(before.id).terminate();
      await env.client.workflow.getHandle(`${before.id.replace('push/', 'task/')}/t`).terminate();
      const settling = world.settle();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const again = await world.startPush(pushed);
      const settled = await settling;
      await again.cancel();
      await again.result().catch(() => undefined);
      return settled;
    });

    expect(settled).toEqual(NOTHING);
    expect(await world.store.pushes.findStatus(pushIdOf(pushed))).toMatchObject({ state: 'running' });
  });

  it('leaves a push alone that is started again while another one is being settled', async () => {
    const [slow, quick] = ['0', 'f'].map((first) => {
      const push = aPush();
      return { ...push, revision: first + push.revision.slice(1) };
    }) as [PushInput, PushInput];
    await world.recordPlanned(slow, [aTask('stubborn')]);
    await world.recordPlanned(quick, [aTask('t')]);
    world.beforePlan = ({ pushId }) => {
      world.plan = () => planned([aTask(pushId === pushIdOf(slow) ? 'stubborn' : 't')]);
      return Promise.resolve();
    };
    let isCancelled = false;
    let letGo = (): void => undefined;
    const mayEnd = new Promise<void>((resolve) => (letGo = resolve));
    world.run = async (label) => {
      if (label === 't') return untilCancelled();
      await untilCancelled().catch(() => (isCancelled = true));
      // It is alive all the while, and does not end for the cancel.
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 50);
      await mayEnd.finally(() => clearInterval(beat));
      return {};
    };

    const settled = await world.during(async () => {
      for (const [push, label] of [
        [slow, 'stubborn#0'],
        [quick, 't#0'],
      ] as const) {
        await world.startPush(push);
        await until(() => world.started.includes(label));
      }
      for (const push of [slow, quick]) await env.client.workflow.getHandle(pushIdOf(push)).terminate();
      await env.client.workflow.getHandle(taskIdIn(pushIdOf(quick), 't')).terminate();
      const settling = world.settle();
      await until(() => isCancelled);
      const again = await world.startPush(quick);
      await until(() => world.started.filter((label) => label === 't#0').length === 2);
      letGo();
      const settled = await settling;
      const { events } = await env.client.workflow.getHandle(taskIdIn(again.id, 't')).fetchHistory();
      expect(events?.filter((event) => event.workflowExecutionCancelRequestedEventAttributes)).toEqual([]);
      await again.cancel();
      await again.result().catch(() => undefined);
      return settled;
    });

    expect(settled.pushes).not.toContain(pushIdOf(quick));
  });

  it('looks at nothing that only calls itself a push, or that is of another level, and at what else there is', async () => {
    const pushed = aPush();
    const strangers = ['no-push-at-all', pushIdOf({ ...aPush(), level: 3 })];

    world.beforePlan = () => untilCancelled();

    const settled = new Set<string>();
    await world.during(async () => {
      for (const workflowId of strangers) {
        const options = { workflowId, taskQueue: 'control-1', args: [aPush()] };
        await (await env.client.workflow.start('push', options)).terminate();
      }
      const { id } = await world.startPush(pushed);
      await env.client.workflow.getHandle(id).terminate();
      await until(async () => {
        for (const push of (await world.settle()).pushes) settled.add(push);
        return settled.has(id);
      });
    });

    expect(settled).not.toContain(strangers[1]);
    expect(await world.store.pushes.findStatus(strangers[1] ?? '')).toBeUndefined();
  });

  it('says of a push that ended with its verdict only that it is open no more', async () => {
    const pushed = aPush();
    await world.recordPlanned(pushed, []);
    const status = await world.store.pushes.findStatus(pushIdOf(pushed));
    if (!status) throw new Error('It has no status');
    await world.store.pushes.writeStatus({ ...status, state: 'completed', reason: 'completed' });
    // As one leaves it that died between the two.
    await world.store.pushes.receive({
      ...pushed,
      version: 1,
      pushId: status.id,
      domain: 'demo',
      refs: [pushed.ref],
    });
    // A mark that nothing stands behind.
    await world.store.pushes.writeStatus({ ...status, id: pushIdOf(aPush()) });

    const settled = await world.during(() => world.settle());

    expect(settled.pushes).not.toContain(status.id);
    const open: string[] = [];
    for await (const id of world.store.pushes.open(1)) open.push(id);
    expect(open).toEqual([]);
    expect(await world.store.pushes.findStatus(status.id)).toMatchObject({ state: 'completed' });
  });
});
