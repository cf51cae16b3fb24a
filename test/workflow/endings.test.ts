import { describe, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { anImage, aPush, aTask, failure, planned, until, untilCancelled } from '../helpers/workflow-world.ts';

jest.setTimeout(90_000);

let env: TestWorkflowEnvironment;
let world: World;
onFreshWorlds((fresh, server) => {
  [world, env] = [fresh, server];
});

/** A promise and what resolves it. */
function aGate(): { readonly opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a push that ends before it is planned', () => {
  it('is recorded as repository-unavailable when its repository cannot be read', async () => {
    world.plan = () => {
      throw failure('RepositoryUnavailable');
    };
    const pushed = aPush();

    const outcome = await world.during(async () => (await world.startPush(pushed)).result());

    expect(outcome).toEqual({ state: 'exception', reason: 'repository-unavailable' });
    expect(world.lastRecord()).toMatchObject({
      verdict: { reason: 'repository-unavailable', detail: 'it was RepositoryUnavailable' },
      push: { revision: pushed.revision },
    });
  });

  it('is recorded as internal-error when its bases do not stay in the store', async () => {
    world.plan = () => ({
      outcome: 'bases-missing',
      bases: ['debian:bookworm'],
      domain: 'demo',
      platform: 'linux/amd64',
    });

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('internal-error');
    expect(world.lastRecord().verdict?.reason).toBe('internal-error');
  });

  it('leaves no record when its id is that of another level', async () => {
    const ended = await world.during(async () => {
      const handle = await env.client.workflow.start('push', {
        workflowId: `push/demo/3/${aPush().revision}`,
        taskQueue: 'control-1',
        args: [aPush()],
      });
      return handle.result().catch((error: unknown) => error);
    });

    expect(ended).toBeInstanceOf(Error);
    expect(world.pushRecords).toEqual([]);
  });
});

describe('a task whose workflow is terminated by hand', () => {
  it('is recorded as canceled, and the push goes on to its verdict', async () => {
    world.plan = () => planned([aTask('t'), aTask('after', { dependencies: ['t'] })]);
    world.run = () => untilCancelled();

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.started.includes('t#0'));
      await env.client.workflow.getHandle(`${push.id.replace('push/', 'task/')}/t`).terminate();
      return push.result();
    });

    expect(outcome.reason).toBe('failed');
    expect([world.stateOf('t'), world.stateOf('after')]).toEqual([
      'unstarted/canceled',
      'unstarted/dependency-failed',
    ]);
  });
});

describe('a task that is cancelled while its artifacts are being saved', () => {
  it('saves them all the same, and tells the exit code', async () => {
    world.plan = () => planned([aTask('t')]);
    world.run = () => Promise.resolve({ reason: 'failed', exitCode: 3 });
    const saves: (number | undefined)[] = [];
    world.save = async (_label, { exitCode }) => {
      saves.push(exitCode);
      if (saves.length === 1) await untilCancelled();
      return { missing: [] };
    };

    await world.during(async () => {
      const push = await world.startPush();
      await until(() => saves.length === 1);
      await env.client.workflow.getHandle(`${push.id.replace('push/', 'task/')}/t`).cancel();
      return push.result();
    });

    expect(world.runRecords.at(-1)).toMatchObject({ reason: 'canceled', saved: { uploadMs: 1 } });
    // By it caches may have to be purged.
    expect(saves).toEqual([3, 3]);
  });
});

describe('an image', () => {
  it('answers who waits when it is cancelled from outside while its build is being recorded', async () => {
    const lint = anImage('lint');
    const gate = aGate();
    world.plan = () => planned([aTask('a', { image: 'lint' })], [lint]);
    world.recordImage = () => gate.opened;

    const outcome = await world.during(async () => {
      const push = await world.startPush();
      await until(() => world.imageRecords.length === 1);
      await env.client.workflow.getHandle(lint.taskId).cancel();
      await new Promise((resolve) => setTimeout(resolve, 500));
      gate.open();
      return push.result();
    });

    expect(outcome.state).toBe('completed');
    expect(world.imageRecords.map(({ reason }) => reason)).toEqual(['built']);
  });

  it('answers who waits even when the end of a failed build cannot be recorded', async () => {
    world.plan = () => planned([aTask('a', { image: 'lint' })], [anImage('lint')]);
    world.build = () => Promise.reject(failure('ImageBuildFailed'));
    world.recordImage = () => Promise.reject(failure('InternalError'));

    const outcome = await world.during(async () => (await world.startPush()).result());

    expect(outcome.reason).toBe('failed');
    expect(world.stateOf('a')).toBe('unstarted/image-build-failed');
  });

  it('is built for who asks for a rebuild while it is being looked up for somebody else', async () => {
    const lint = anImage('lint', { force: true });
    const gate = aGate();
    world.indexed.add(lint.taskId);
    world.plan = (round) =>
      planned([aTask('a', { image: 'lint' })], [round === 0 ? { ...lint, force: false } : lint]);
    let finds = 0;
    world.find = async () => {
      finds += 1;
      if (finds === 1) await gate.opened;
    };

    await world.during(async () => {
      const looking = await world.startPush();
      await until(() => finds === 1);
      const rebuilding = await world.startPush();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      gate.open();
      await Promise.all([looking.result(), rebuilding.result()]);
    });

    expect(world.builds).toEqual(['lint']);
    const outcomes = world.pushRecords
      .filter(({ verdict }) => verdict)
      .map(({ images }) => images[0]?.outcome);
    expect(outcomes.sort()).toEqual(['built', 'reused']);
  });
});
