import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { workflowOf } from '../../client/start-push.ts';
import { parseId, pushId as pushIdOf, taskIdIn } from '../../model/pure/ids.ts';
import { historiesOf } from '../helpers/histories-of.ts';
import { onFreshWorlds } from '../helpers/on-fresh-worlds.ts';
import type { World } from '../helpers/workflow-world.ts';
import { aPush, anImage, aTask, beating, failure, planned, until } from '../helpers/workflow-world.ts';

jest.setTimeout(240_000);

let env: TestWorkflowEnvironment;
let world: World;
// A push of a hundred tasks is long for this server.
onFreshWorlds(
  (fresh, server) => {
    [world, env] = [fresh, server];
  },
  { 'limit.historyCount.suggestContinueAsNew': 250 },
);

/** What goes on until it may end. */
let mayEnd: boolean;
beforeEach(() => {
  mayEnd = false;
});
const held = (): Promise<void> => beating(until(() => mayEnd));

/** As clients start it. */
async function startPush(): Promise<{ pushId: string; result(): Promise<unknown> }> {
  const push = aPush();
  const pushId = pushIdOf(push);
  const handle = await env.client.workflow.start('push', workflowOf(pushId, push));
  return { pushId, result: () => handle.result() };
}

/** As the page asks for them. */
async function detailsOf(workflowId: string): Promise<string> {
  const handle = env.client.workflow.getHandle(workflowId);
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

async function untilSaid(workflowId: string, words: string | RegExp): Promise<void> {
  let said = '';
  const isSaid = async (): Promise<boolean> => {
    said = await detailsOf(workflowId).catch(String);
    return typeof words === 'string' ? said === words : words.test(said);
  };
  await until(isSaid, 120_000).catch(() => expect(said).toEqual(words));
}

describe('the pages of Temporal', () => {
  it('say what a push does, how far it is and what did not succeed, and how it ended', async () => {
    const slow = anImage('slow');
    world.beforePlan = held;
    const tasks = [
      aTask('good'),
      aTask('bad'),
      aTask('after', { dependencies: ['bad'] }),
      aTask('imaged', { image: 'slow' }),
      aTask('long'),
    ];
    world.plan = () => {
      mayEnd = false;
      return planned(tasks, [slow]);
    };
    world.build = held;
    world.run = async (label) => {
      if (label === 'long') await held();
      return label === 'bad' ? { reason: 'failed', exitCode: 1 } : {};
    };
    const trouble = 'Did not succeed:\n\n- `bad`: failed\n- `after`: dependency-failed, because of `bad`';

    await world.during(async () => {
      const { pushId, result } = await startPush();
      await untilSaid(pushId, '**Being planned**');
      mayEnd = true;
      await untilSaid(
        pushId,
        [
          '**Running**: 3 of 5 tasks have ended',
          '1 waiting, 1 begun, 1 completed, 1 failed, 1 exception',
          'Images to come: `slow`',
          'Begun: `long`',
          trouble,
        ].join('\n\n'),
      );
      mayEnd = true;
      await result();
      await untilSaid(
        pushId,
        ['**Ended failed**: 5 of 5 tasks have ended', '3 completed, 1 failed, 1 exception', trouble].join(
          '\n\n',
        ),
      );
    });
  });

  it('say which run of a task does what, how the one before it ended, and when the next one begins', async () => {
    world.plan = () => planned([aTask('t', { retries: 1 })]);
    world.run = async (_label, run) => {
      if (run === 0) throw failure('ContainerLost');
      await held();
      return {};
    };
    const before = 'Run 0 ended worker-lost: `it was ContainerLost`';

    await world.during(async () => {
      const { pushId, result } = await startPush();
      const id = taskIdIn(pushId, 't');
      await untilSaid(
        id,
        /^\*\*Run 1\*\* \(2 of at most 2\) begins at \S+Z\n\nRun 0 ended worker-lost: `it was ContainerLost`$/,
      );
      await untilSaid(
        id,
        `**Run 1** (2 of at most 2): its command is being carried out, by \`w\`\n\n${before}`,
      );
      mayEnd = true;
      await result();
      await untilSaid(id, '**Ended completed**\n\nRun 1 ended completed');
    });
  });

  it('say what an image waits for, and how its build ended', async () => {
    const [base, lint] = [anImage('base'), anImage('lint')];
    world.parents.set('lint', { taskId: base.taskId, name: 'base' });
    world.plan = () => planned([aTask('t', { image: 'lint' })], [base, lint]);
    world.build = async () => {
      await held();
      throw failure('ImageBuildFailed');
    };

    await world.during(async () => {
      const { result } = await startPush();
      await untilSaid(base.taskId, '**Run 0**: a builder builds it, or is waited for');
      await untilSaid(lint.taskId, '**Waiting for its parent** `base`');
      mayEnd = true;
      await result();
      await untilSaid(base.taskId, '**Ended image-build-failed**\n\n`it was ImageBuildFailed`');
      await untilSaid(lint.taskId, '**Ended dependency-failed**\n\n`it was ImageBuildFailed`');
    });
  });

  it('say of what has ended what it was, and where its page and its log are, while no worker is there', async () => {
    const lint = anImage('lint');
    world.plan = () => planned([aTask('some/t', { image: 'lint', retries: 1 })], [lint]);

    const pushId = await world.during(async () => {
      const started = await startPush();
      await started.result();
      return started.pushId;
    });

    const revision = pushId.split('/').at(-1);
    const id = parseId(lint.taskId);
    const imageHash = id?.kind === 'image' ? id.imageHash : '';
    const described = (workflowId: string) => env.client.workflow.getHandle(workflowId).describe();
    const page = `slipway status ${pushId}`;
    expect((await described(pushId)).memo).toEqual({
      push: `demo main ${revision?.slice(0, 12)}`,
      page,
      pageKey: `level-1/pushes/demo/${revision}/status.json`,
      log: `slipway logs LABEL --push ${pushId}`,
    });
    const task = await described(taskIdIn(pushId, 'some/t'));
    expect(task.memo).toEqual({
      page,
      log: `slipway logs task/demo/1/${revision}/some/t`,
      logKey: `level-1/tasks/task/demo/${revision}/some~t/runs/<run>/artifacts/public/logs/live.log`,
    });
    expect(await task.staticDetails()).toMatch(
      /^Task `some\/t` of `push\/demo\/1\/\w+`\n\nIn the image `lint`, `sha256:a{64}`\n\nAt most 2 runs of at most 1 minute, until \S+Z$/,
    );
    const image = await described(lint.taskId);
    expect(image.memo).toEqual({
      page,
      log: `slipway logs ${lint.taskId}`,
      logKey: `level-1/tasks/image/demo/lint/${imageHash}/runs/<run>/artifacts/public/logs/live.log`,
    });
    expect(await image.staticDetails()).toBe(
      `Image \`lint\` of the content \`${imageHash}\`, as \`${pushId}\` wanted it first`,
    );
  });

  it('go on saying that when a push goes on in new runs', async () => {
    const quick = Array.from({ length: 96 }, (_, i) =>
      aTask(`t${i}`, { dependencies: i < 12 ? [] : [`t${i - 12}`] }),
    );
    world.plan = () => planned([aTask('lost', { retries: 0 }), aTask('long'), ...quick]);
    world.run = async (label) => {
      if (label === 'lost') throw failure('ContainerLost');
      if (label === 'long') await held();
      return {};
    };

    await world.during(async () => {
      const { pushId, result } = await startPush();
      const first = await env.client.workflow.getHandle(pushId).describe();
      await until(async () => (await historiesOf(env.client, pushId)).length > 1);
      await untilSaid(
        pushId,
        /^\*\*Running\*\*: 97 of 98 tasks have ended\n\n1 begun, 96 completed, 1 exception\n\nBegun: `long`\n\nDid not succeed:\n\n- `lost`: exception$/,
      );
      const later = await env.client.workflow.getHandle(pushId).describe();
      mayEnd = true;
      await result();

      expect(later.memo).toEqual(first.memo);
    });
  });
});
