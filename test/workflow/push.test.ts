import { describe, expect, it, jest } from '@jest/globals';
import { isCancellation } from '@temporalio/workflow';
import { WorkflowFailedError } from '@temporalio/client';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { aPush, anImage, aTask, failure, planned, until, untilCancelled } from '../helpers/workflow-world.ts';

jest.setTimeout(90_000);

let world: World;
onFreshWorlds((fresh) => {
  world = fresh;
});

describe('push', () => {
  it('ends with the reason of a plan that was rejected, and starts nothing', async () => {
    world.plan = () => ({ outcome: 'rejected', reason: 'malformed-plan', detail: 'slipway.yml:1:1: wrong' });

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome).toEqual({ state: 'exception', reason: 'malformed-plan' });
    expect(world.started).toEqual([]);
  });

  it('builds what is needed, then runs the tasks in the order of their dependencies', async () => {
    const lint = anImage('lint');
    world.plan = () => planned([aTask('a', { image: 'lint' }), aTask('b', { dependencies: ['a'] })], [lint]);

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome).toEqual({ state: 'completed', reason: 'completed' });
    expect(world.builds).toEqual(['lint']);
    expect(world.started).toEqual(['a#0', 'b#0']);
    expect(world.lastRecord().images).toEqual([
      expect.objectContaining({ name: 'lint', outcome: 'built', bytesUploaded: 7 }),
    ]);
  });

  it('records of an image why more moved for it than need have', async () => {
    world.builtFacts = { fellBack: 'parent: pull failed: EOF', cacheTrouble: 'parts of it are missing' };
    world.plan = () => planned([aTask('a', { image: 'lint' })], [anImage('lint')]);

    await world.during(async () => (await world.startPush()).result());

    expect(world.lastRecord().images).toMatchObject([
      { name: 'lint', fellBack: 'parent: pull failed: EOF; parts of it are missing' },
    ]);
  });

  it('builds an image once when many pushes ask at once', async () => {
    const lint = anImage('lint');
    world.plan = () => planned([aTask('a', { image: 'lint' })], [lint]);
    world.build = () => new Promise((resolve) => setTimeout(resolve, 500));

    const outcomes = await world.during(async () => {
      const pushes = await Promise.all(Array.from({ length: 10 }, () => world.startPush(aPush())));
      return Promise.all(pushes.map((push) => push.result()));
    });

    expect(outcomes.map(({ state }) => state)).toEqual(Array.from({ length: 10 }, () => 'completed'));
    expect(world.builds).toEqual(['lint']);
  });

  it('builds the parent first and names it as the culprit when it fails', async () => {
    const [base, lint] = [anImage('base'), anImage('lint')];
    world.parents.set('lint', { taskId: base.taskId, name: 'base' });
    world.plan = () =>
      planned(
        [aTask('on-lint', { image: 'lint' }), aTask('after', { dependencies: ['on-lint'] }), aTask('free')],
        [base, lint],
      );
    world.build = (name) =>
      name === 'base' ? Promise.reject(failure('ImageBuildFailed')) : Promise.resolve();

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.builds).toEqual(['base']);
    expect(world.unstarted).toEqual([
      expect.objectContaining({ label: 'on-lint', reason: 'dependency-failed', culprit: base.taskId }),
      expect.objectContaining({ label: 'after', reason: 'dependency-failed', culprit: base.taskId }),
    ]);
    expect(world.stateOf('free')).toBe('completed/completed');
  });

  it('gives tasks of a failed build image-build-failed and their dependents dependency-failed; others go on', async () => {
    const lint = anImage('lint');
    world.plan = () =>
      planned([aTask('a', { image: 'lint' }), aTask('b', { dependencies: ['a'] }), aTask('c')], [lint]);
    world.build = () => Promise.reject(failure('ImageBuildFailed'));

    await world.during(async () => (await world.startPush()).result());

    expect(world.stateOf('a')).toBe('unstarted/image-build-failed');
    expect(world.stateOf('b')).toBe('unstarted/dependency-failed');
    expect(world.stateOf('c')).toBe('completed/completed');
    expect(world.lastRecord().images[0]).toMatchObject({
      outcome: 'failed',
      detail: 'it was ImageBuildFailed',
    });
  });

  it('builds a failed image again when the next push asks', async () => {
    const lint = anImage('lint');
    world.plan = () => planned([aTask('a', { image: 'lint' })], [lint]);
    world.build = () =>
      world.builds.length === 1 ? Promise.reject(failure('ImageBuildFailed')) : Promise.resolve();

    const states = await world.during(async () => [
      (await (await world.startPush()).result()).state,
      (await (await world.startPush()).result()).state,
    ]);

    expect(states).toEqual(['failed', 'completed']);
  });

  it('brings missing bases into the store and plans again', async () => {
    world.plan = (round) =>
      round === 0
        ? { outcome: 'bases-missing', bases: ['debian:bookworm'], domain: 'demo', platform: 'linux/amd64' }
        : planned([aTask('a')]);

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.state).toBe('completed');
    expect(world.importedBases).toEqual(['debian:bookworm']);
    // Only the first plan asks whether the ref has the revision: since then it may have moved on.
    expect(world.planInputs.map(({ replanned }) => replanned)).toEqual([undefined, true]);
  });

  it('brings a base for each platform that lacks it, and plans again knowing for which it is not to be had', async () => {
    const reference = 'debian:bookworm';
    const bases = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, reference }));
    const imported: unknown[] = [];
    world.plan = (round) =>
      round === 0 ? { outcome: 'bases-missing', bases, domain: 'demo' } : planned([aTask('a')]);
    world.importBase = (input) => {
      imported.push(input);
      return input.platform === 'linux/arm64' ? 'there is none' : undefined;
    };

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.state).toBe('completed');
    expect(imported).toHaveLength(2);
    expect(imported).toEqual(
      expect.arrayContaining(bases.map((base) => ({ ...base, domain: 'demo', level: 1 }))),
    );
    expect(world.planInputs[1]?.unavailableBases).toEqual({ 'linux/arm64 debian:bookworm': 'there is none' });
    expect(world.planInputs[1]?.troubledBases).toBeUndefined();
  });

  it('ends tasks by an internal error where no answer but trouble kept the base of their image away', async () => {
    const base = { platform: 'linux/amd64', reference: 'debian:bookworm' };
    const key = 'linux/amd64 debian:bookworm';
    world.importBase = () => {
      throw failure('EngineOutOfSpace');
    };
    world.plan = (round) => {
      if (round === 0) return { outcome: 'bases-missing', bases: [base], domain: 'demo' };
      const { unavailableBases, troubledBases } = world.planInputs[round]!;
      const unavailable = unavailableBases[key]!;
      const lint = anImage('lint', { unavailable, ...(troubledBases?.includes(key) && { troubled: true }) });
      return planned([aTask('a', { image: 'lint' }), aTask('b')], [lint]);
    };

    await world.during(async () => (await world.startPush()).result());

    expect(world.stateOf('a')).toBe('unstarted/internal-error');
    expect(world.stateOf('b')).toBe('completed/completed');
    expect(world.lastRecord().images[0]).toMatchObject({
      outcome: 'failed',
      detail: 'it was EngineOutOfSpace',
    });
  });

  it('has bases resolved anew, plans again with what they are now, and takes no step of a rebuild from a cache', async () => {
    const base = { platform: 'linux/amd64', reference: 'debian:bookworm', tracked: true };
    const forced = anImage('forced', { force: true });
    world.plan = (round) =>
      round === 0
        ? {
            outcome: 'bases-missing',
            bases: [],
            renew: [base, { ...base, tracked: false }],
            domain: 'demo',
            platform: 'linux/amd64',
          }
        : planned([aTask('a', { image: 'forced' })], [forced, anImage('plain')]);

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.state).toBe('completed');
    expect(world.renewedBases.sort()).toEqual([
      'pin linux/amd64 debian:bookworm',
      'track linux/amd64 debian:bookworm',
    ]);
    expect(Object.keys(world.planInputs[1]?.renewedBases ?? {}).sort()).toEqual(world.renewedBases);
    expect(world.freshBuilds).toEqual(['forced']);
  });

  it('lets a task with requires all-resolved run after a failed dependency', async () => {
    world.plan = () => planned([aTask('a'), aTask('b', { dependencies: ['a'], requires: 'all-resolved' })]);
    world.run = (label) => Promise.resolve(label === 'a' ? { reason: 'failed', exitCode: 3 } : {});

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.stateOf('b')).toBe('completed/completed');
  });

  it('cancels running tasks and builds, records the rest as canceled, and ends as cancelled', async () => {
    const slow = anImage('slow');
    world.plan = () =>
      planned(
        [aTask('running'), aTask('after', { dependencies: ['running'] }), aTask('imaged', { image: 'slow' })],
        [slow],
      );
    world.run = () => untilCancelled();
    world.build = () => untilCancelled();

    const error = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('running#0') && world.builds.includes('slow'));
      await push.cancel();
      const ended = await push.result().catch((failed: unknown) => failed);
      await until(() => world.imageRecords.length > 0);
      return ended;
    });

    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect(isCancellation((error as WorkflowFailedError).cause)).toBe(true);
    expect(world.killed).toEqual(['running']);
    expect(world.stateOf('running')).toBe('exception/canceled');
    expect(world.stateOf('after')).toBe('unstarted/canceled');
    expect(world.stateOf('imaged')).toBe('unstarted/canceled');
    expect(world.imageRecords[0]).toMatchObject({ name: 'slow', reason: 'canceled' });
    expect(world.lastRecord().verdict).toEqual({ reason: 'canceled' });
  });

  it('leaves a build alone that another push still waits for', async () => {
    const slow = anImage('slow');
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    world.plan = () => planned([aTask('a', { image: 'slow' })], [slow]);
    world.build = () => gate;

    const outcome = await world.during(async () => {
      const [one, two] = [await world.startPush(aPush()), await world.startPush(aPush())];
      await until(() => world.builds.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await one.cancel();
      await one.result().catch(() => undefined);
      release();
      return two.result();
    });

    expect(outcome.state).toBe('completed');
    expect(world.builds).toEqual(['slow']);
  });
});
