import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { openApi } from '../../client/temporal-api.ts';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { pushKey, taskKey } from '../../store/keys.ts';
import { openStore } from '../../store/open-store.ts';
import { readServerConfig } from '../../workers/server-config.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { GATED, World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await world.startWorker();
});
afterAll(() => world[Symbol.asyncDispose]());

const plain = { image: 'debian:bookworm', checkout: false };
/** Fails in its first run. */
const flaky = { ...plain, command: 'test "$RUN_ID" -gt 0' };

const runsOf = ({ tasks }: PushDocument): Record<string, readonly number[]> =>
  Object.fromEntries(tasks.map(({ label, runs }) => [label, runs.map(({ run }) => run)]));

function slipway(...args: string[]): Promise<ProgramResult> {
  return runSlipway(args, { cwd: world.home, env: { SLIPWAY_HOME: world.home }, timeoutMs: 240_000 });
}

/** Cuts those of a push and of a task of it, as a full or failing disk of a store may. */
async function damageRecords(pushId: string, label: string): Promise<void> {
  const store = openStore({ ...world.connections.store, ...world.keys[1] });
  const task = `${taskKey(taskIdIn(pushId, label))}/status.json`;
  try {
    for (const key of [pushKey(pushId, 'status'), pushKey(pushId, 'push'), task]) {
      const body = (await store.objects.get(key))?.body ?? Buffer.alloc(0);
      await store.objects.put(key, body.subarray(0, body.length / 2));
    }
  } finally {
    store.close();
  }
}

describe('slipway rerun', () => {
  it('runs what failed of a push that has its verdict, and what waited for it; the rest stays as it is', async () => {
    const repository = await world.createRepository();
    const tasks = {
      good: {
        ...plain,
        command: 'date > /made',
        artifacts: { 'public/made': { type: 'file', path: '/made' } },
      },
      flaky: { ...flaky, dependencies: ['good'] },
      after: {
        ...plain,
        dependencies: ['flaky', 'good'],
        inputs: { '/in/made': { task: 'good', artifact: 'public/made' } },
        command: 'cat /in/made',
      },
    };
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    const first = await world.push(repository, revision);
    expect(statesOf(first)).toEqual({
      after: 'exception/dependency-failed',
      flaky: 'failed/failed',
      good: 'completed/completed',
    });

    const again = await slipway('rerun', '--failed', first.id, '--watch', '--json');

    expect([again.exitCode, again.stderr]).toEqual([0, '']);
    const second = JSON.parse(again.stdout) as PushDocument;
    expect(second).toMatchObject({ id: first.id, state: 'completed', round: 2 });
    expect(runsOf(second)).toEqual({ good: [0], flaky: [0, 1], after: [0] });

    const third = await slipway('rerun', 'flaky', '--push', first.id, '--downstream', '--watch', '--json');
    const last = JSON.parse(third.stdout) as PushDocument;
    expect(last).toMatchObject({ state: 'completed', round: 3 });
    expect(runsOf(last)).toEqual({ good: [0], flaky: [0, 1, 2], after: [0, 1] });
    expect(await world.log(last.tasks.find(({ label }) => label === 'after')?.taskId ?? '')).toContain('20');
  });

  it('of everything mends a push whose records were damaged, and none but that one is missing in lists', async () => {
    const repository = await world.createRepository();
    const slipway_yml = { version: 1, tasks: { good: { ...plain, command: 'true' } } };
    const revision = await repository.commit({ 'slipway.yml': slipway_yml });
    const { id } = await world.push(repository, revision);
    await damageRecords(id, 'good');

    const [listed, status] = await Promise.all([slipway('pushes'), slipway('status', id)]);
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toMatch(new RegExp(`${id} +damaged\n`));
    expect(status).toMatchObject({ exitCode: 3, stdout: '' });
    const remedy = `slipway push --rev ${revision.slice(0, 12)} --again`;
    for (const { stderr } of [listed, status]) expect(stderr).toContain(remedy);

    const again = await runSlipway([...remedy.split(' ').slice(1), '--watch', '--json'], {
      cwd: repository.path,
      env: { SLIPWAY_HOME: world.home },
      timeoutMs: 240_000,
    });
    const mended = JSON.parse(again.stdout) as PushDocument;
    expect(mended).toMatchObject({ id, state: 'completed', round: 2 });
    expect(runsOf(mended)).toEqual({ good: [0, 1] });
    expect((await slipway('pushes')).stdout).not.toContain('damaged');
  });

  it('sets back what has ended of a push that runs', async () => {
    const repository = await world.createRepository();
    const tasks = { flaky, slow: { ...plain, command: GATED } };
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    const pushId = await world.start(repository, revision);
    await until(async () => {
      const document = await world.live.api.read(pushId).catch(() => undefined);
      return document?.tasks.some(({ label, state }) => label === 'flaky' && state === 'failed') ?? false;
    });

    const asked = await slipway('rerun', 'flaky', '--push', pushId);

    expect(asked.stdout).toContain('is asked to run flaky again');
    await world.openGate('slow');
    const document = await world.verdict(pushId);
    expect(document.state).toBe('completed');
    expect(document.round).toBeUndefined();
    expect(runsOf(document)).toEqual({ flaky: [0, 1], slow: [0] });
  });

  it('runs a task in the image that its push has built, also when that was built again since', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: { tools: { context: 'docker' } },
        tasks: {
          flaky: {
            image: { 'in-tree': 'tools' },
            checkout: false,
            command: 'cat /made; test "$RUN_ID" -gt 0',
          },
        },
      },
      'docker/Dockerfile': `# ${randomUUID()}\nFROM debian:bookworm\nRUN date +%N > /made\n`,
    });
    const madeOf = async ({ tasks }: PushDocument): Promise<string | undefined> =>
      /^\d{9}$/m.exec(await world.log(tasks[0]?.taskId ?? ''))?.[0];
    const first = await world.push(repository, revision);
    const made = await madeOf(first);
    const rebuild = await world.push(repository, revision, { request: { rebuild: ['tools'] } });
    expect(await madeOf(rebuild)).not.toBe(made);

    const again = await slipway('rerun', 'flaky', '--push', first.id, '--watch', '--json');

    const second = JSON.parse(again.stdout) as PushDocument;
    expect(second).toMatchObject({ state: 'completed', round: 2 });
    expect(second.images).toEqual(first.images);
    expect(await madeOf(second)).toBe(made);
  });

  it('runs nothing again that asks for what is not granted any more, whatever its client believes', async () => {
    const granted = { capabilities: { 1: ['allowPtrace'] } };
    const repository = await world.createRepository(undefined, granted);
    const tasks = { traced: { ...flaky, features: { allowPtrace: true } } };
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    const { id } = await world.push(repository, revision);
    const { serverConfig } = world.connections;
    const before = await readServerConfig(serverConfig);
    const config = parse(await readFile(serverConfig, 'utf8')) as { projects: Record<string, object> };
    const { [repository.project]: project } = config.projects;
    config.projects[repository.project] = { ...project, capabilities: {} };
    await writeFile(serverConfig, stringify(config));

    const refused = await slipway('rerun', 'traced', '--push', id);
    const words = `task "traced": "allowPtrace" is not granted to project "${repository.project}" at level 1`;
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining(words)]);

    const api = await openApi(world.connections, before);
    await api.rerun(id, { tasks: ['traced'], downstream: false }, 'somebody');
    await api.close();
    const document = await world.verdict(id);
    expect(document).toMatchObject({ state: 'exception', reason: 'malformed-plan', round: 2 });
    expect(document.detail).toContain(words);
    expect(runsOf(document)).toEqual({ traced: [0] });
  });

  it('says what it cannot run again', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks: { good: plain } } });
    const { id } = await world.push(repository, revision);

    const unknown = await slipway('rerun', 'bad', '--push', id);
    const unnamed = await slipway('rerun', id);
    const unfailed = await slipway('rerun', '--failed', id);

    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('no task "bad"')]);
    expect([unnamed.exitCode, unnamed.stderr]).toEqual([2, expect.stringContaining('--failed')]);
    expect([unfailed.exitCode, unfailed.stderr]).toEqual([2, expect.stringContaining('has failed so far')]);
  });
});
