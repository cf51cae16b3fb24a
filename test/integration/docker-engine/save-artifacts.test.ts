import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createRunnerActivities } from '../../../activities/runner.ts';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { keptName } from '../../../docker/kept/kept-name.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import { containerName } from '../../../model/container-name.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { SaveArtifactsInput, SavedArtifacts } from '../../../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import type { MemoryPeaks } from '../../../steps/follow-to-end.ts';
import { followToEnd } from '../../../steps/follow-to-end.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { SECRETS_DIRECTORY } from '../../../steps/run-secrets.ts';
import { saveArtifacts } from '../../../steps/save-artifacts.ts';
import { recordRun } from '../../../steps/task-run.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { until } from '../../helpers/live-stack.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 60_000;
jest.setTimeout(TEST_TIMEOUT_MS);

const aMinute = (): AbortSignal => AbortSignal.timeout(TEST_TIMEOUT_MS);

describe('saving artifacts', () => {
  const fleet = testFleet();
  const store = createStore(createMemoryObjectStore());
  const plans = new PlanCache(store);
  const peaks: MemoryPeaks = new Map();
  let engine: Engine;
  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
  });
  afterAll(async () => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await engine.close();
  });

  /** The container of a run whose command has ended, or still goes on, and what saves what it has left. */
  async function ended(
    command: string,
    planned: Partial<PlannedTask>,
    reason: SaveArtifactsInput['reason'],
    exitCode?: number,
    goesOn?: true,
  ): Promise<{
    readonly name: string;
    readonly taskId: string;
    readonly input: SaveArtifactsInput;
    readonly save: () => Promise<SavedArtifacts>;
  }> {
    plans.task = () => Promise.resolve({ artifacts: {}, ...planned } as unknown as PlannedTask);
    plans.plan = () => Promise.resolve({ domain: 'demo', level: 1, tasks: [] } as unknown as Plan);
    const label = randomBytes(4).toString('hex');
    const pushId = `push/demo/1/${'a'.repeat(40)}`;
    const taskId = taskIdIn(pushId, label);
    const task = { pushId, taskId, plannedAt: '', label, level: 1, firstRun: 0, retries: 0 } as const;
    const input: SaveArtifactsInput = {
      task: { ...task, deadlineSeconds: 1, maxRunTimeSeconds: 1 },
      run: 0,
      reason,
      ...(exitCode === undefined ? {} : { exitCode }),
    };
    const signal = aMinute();
    const context = { signal, isCanceled: () => false, onProgress: () => undefined };
    const name = containerName(fleet, taskId, 0);
    const labels = { [LABEL.fleet]: fleet };
    const spec = {
      name,
      engineImageId: 'debian:bookworm',
      command: ['sh', '-c', command],
      env: {},
      labels,
      resources: { pids: 16, shmBytes: 2 ** 26 },
      volumes: [
        ...(planned.secrets ? [SECRETS_DIRECTORY] : []),
        ...Object.values(planned.artifacts ?? {}).flatMap(({ type, path }) =>
          type === 'volume' ? [path] : [],
        ),
      ].map((path) => ({ path, labels })),
    };
    await engine.containers.ensureCreated(spec, signal);
    await engine.containers.start(name);
    if (goesOn !== true) await engine.containers.wait(name, signal);
    return {
      name,
      taskId,
      input,
      save: () => saveArtifacts({ store, plans, engine, fleet, peaks }, input, context),
    };
  }

  async function logOf(taskId: string): Promise<string> {
    let log = '';
    for await (const chunk of store.logs.chunks(taskId, 0, -1)) log += chunk.text.toString();
    return log;
  }

  it('tells Temporal of ten thousand files in a few bytes, and records them all', async () => {
    const artifacts: PlannedTask['artifacts'] = {
      'public/many': { type: 'directory', path: '/many', optional: false },
    };
    const image: PlannedTask['image'] = { type: 'docker-image', name: 'debian:bookworm' };
    const command = 'mkdir /many && cd /many && seq 10000 | xargs touch';
    const { taskId, input } = await ended(command, { artifacts, image }, 'completed');
    const source = { open: () => Promise.reject(new Error('nothing is checked out')) };
    const activities = createRunnerActivities(
      { store, plans, engine, source, fleet },
      new AbortController().signal,
    );
    const save = (): Promise<SavedArtifacts> =>
      new MockActivityEnvironment({ currentAttemptScheduledTimestampMs: Date.now() }).run(
        activities.saveArtifacts,
        input,
      );

    const saved = await save();
    const repeat = await save();
    await recordRun(store, plans, { ...input, state: 'completed', final: true, saved });

    expect(JSON.stringify(await store.artifacts.findSaved(taskId, 0)).length).toBeGreaterThan(1_000_000);
    expect(JSON.stringify(saved).length).toBeLessThan(1_000);
    expect(repeat).toEqual(saved);
    const record = await store.tasks.find(taskId);
    expect(record?.runs[0]?.artifacts.map(({ name }) => name)).toHaveLength(10_001);
  });

  it.each(['directory', 'volume'] as const)(
    'keeps every name of a file with several in a %s, and says how much that is no file was left out',
    async (type) => {
      const artifacts: PlannedTask['artifacts'] = {
        'public/target': { type, path: '/target', optional: false },
      };
      const script = [
        'mkdir -p /target/release/deps && cd /target/release',
        'echo program > deps/app-1 && ln deps/app-1 app && ln deps/app-1 "a %2f #? name"',
        'ln -s app link && ln -P link also-a-link && mkfifo pipe',
      ];
      const { taskId, save } = await ended(script.join(' && '), { artifacts }, 'completed');

      const saved = await save();

      const names = ['a %2f #? name', 'app', 'deps/app-1'].map((name) => `public/target/release/${name}`);
      expect(saved.artifacts.map(({ name }) => name).sort()).toEqual(names);
      expect(saved.missing).toEqual([]);
      for (const name of names)
        expect(await text(await store.artifacts.read(taskId, 0, name))).toBe('program\n');
      expect(await logOf(taskId)).toContain(
        'Artifact public/target: symlinks and special files are left out (3)',
      );
    },
  );

  it('misses what is of another type than was declared, be it optional, and excuses what is optional and absent', async () => {
    const optional = (type: 'file' | 'directory', path: string) => ({ type, path, optional: true }) as const;
    const artifacts: PlannedTask['artifacts'] = {
      'public/a': optional('file', '/tree'),
      'public/b': optional('directory', '/file'),
      'public/c': optional('file', '/none'),
    };
    const { save } = await ended('mkdir /tree; touch /file', { artifacts }, 'completed');

    expect(await save()).toMatchObject({
      artifacts: [],
      missing: [
        { name: 'public/a', found: 'a directory, not a file' },
        { name: 'public/b', found: 'a file, not a directory' },
      ],
    });
  });

  it('leaves out files whose paths no store has room for, and keeps the rest', async () => {
    const artifacts: PlannedTask['artifacts'] = {
      'public/deep': { type: 'directory', path: '/deep', optional: false },
    };
    const script =
      'mkdir /deep && cd /deep && echo a > a.txt && for i in $(seq 500); do mkdir d && cd d; done && echo b > b.txt && ln b.txt c.txt';
    const { taskId, save } = await ended(script, { artifacts }, 'completed');

    const saved = await save();

    expect(saved.artifacts.map(({ name }) => name)).toEqual(['public/deep/a.txt']);
    expect(await logOf(taskId)).toContain(
      'Artifact public/deep: files whose paths are too long are left out (2)\n',
    );
    expect(await logOf(taskId)).not.toContain('without files');
  });

  it('leaves out files whose names are not UTF-8, and keeps one that only looks so', async () => {
    const artifacts: PlannedTask['artifacts'] = {
      'public/odd': { type: 'directory', path: '/odd', optional: false },
    };
    const script = `mkdir /odd && cd /odd && for name in 'q\\377' 'q\\376' 'é' 'own\\357\\277\\275'; do printf text > "$(printf "$name")"; done`;
    const { taskId, save } = await ended(script, { artifacts }, 'completed');

    const saved = await save();

    expect(saved.artifacts.map(({ name }) => name).sort()).toEqual(['public/odd/own\uFFFD', 'public/odd/é']);
    expect(await logOf(taskId)).toContain(
      'Artifact public/odd: files whose names are not UTF-8 are left out (2)\n',
    );
  });

  it('says so in the log when the exit code purges the caches, and not otherwise', async () => {
    const caches = {
      npm: { path: '/npm', perImage: false },
      pip: { path: '/pip', perImage: false },
    };
    const planned = { caches, purgeExitCodes: [3] };
    for (const [exitCode, line] of [
      [3, 'Exit code 3 purges its caches: npm, pip are removed\n'],
      [4, undefined],
    ] as const) {
      const { taskId, save } = await ended('true', planned, 'failed', exitCode);

      await save();

      const log = await logOf(taskId);
      if (line === undefined) expect(log).not.toContain('purges');
      else expect(log).toContain(line);
    }
  });

  it('gives a repeat that comes after the removal of the container what the first one gave', async () => {
    const artifacts: PlannedTask['artifacts'] = {
      'public/there': { type: 'file', path: '/etc/hostname', optional: false },
      'public/optional': { type: 'file', path: '/none', optional: true },
      'public/empty': { type: 'directory', path: '/mnt', optional: false },
      'public/missing': { type: 'file', path: '/none', optional: false },
    };
    const { name, save } = await ended('true', { artifacts }, 'completed');

    const first = await save();
    const there = await engine.containers.inspect(name);
    const repeat = await save();

    expect(there).toBeUndefined();
    expect(first.artifacts.map((artifact) => artifact.name)).toEqual(['public/there', 'public/empty']);
    expect(first.missing).toEqual([{ name: 'public/missing', found: 'absent' }]);
    expect(first).not.toHaveProperty('keptUntil');
    expect(repeat).toEqual(first);
  });

  it('keeps what is to be kept, without the content of its secrets, until the time that the first attempt said', async () => {
    const artifacts: PlannedTask['artifacts'] = {
      'public/missing': { type: 'file', path: '/none', optional: false },
    };
    const planned = { artifacts, secrets: [{ name: 'A' }], keepSeconds: 600 };
    const command = `echo value > ${SECRETS_DIRECTORY}/A`;
    const { name, taskId, save } = await ended(command, planned, 'completed');

    const first = await save();
    const found = await engine.containers.readPath(keptName(name), SECRETS_DIRECTORY, aMinute());
    const secrets = found?.type === 'directory' ? await text(found.tar) : '';
    // As if the first attempt had been killed before the last thing that it does.
    await dockerAt(DEV_ENGINE).getContainer(keptName(name)).rename({ name });
    const repeat = await save();

    expect(Date.parse(first.keptUntil ?? '') - Date.now()).toBeGreaterThan(300_000);
    expect(secrets).toContain('A');
    expect(secrets).not.toContain('value');
    expect(repeat).toEqual(first);
    expect(await engine.containers.inspect(keptName(name))).toMatchObject({ state: 'exited' });
    expect(await engine.containers.inspect(name)).toBeUndefined();
    expect(await logOf(taskId)).toContain(`Its container is kept until ${first.keptUntil}`);
  });

  it('keeps nothing of a command that completed or was cancelled', async () => {
    for (const reason of ['completed', 'canceled'] as const) {
      const { name, save } = await ended('true', { keepSeconds: 600 }, reason);
      expect(await save()).not.toHaveProperty('keptUntil');
      expect(await engine.containers.inspect(keptName(name))).toBeUndefined();
      expect(await engine.containers.inspect(name)).toBeUndefined();
    }
  });

  it.each([
    ['has ended', 'exit 9', 9, undefined],
    ['still runs, which is killed', 'exec sleep 1000', 137, true],
  ] as const)(
    'tells how long a command ran that %s, and its exit code, also when it is repeated',
    async (_which, command, exitCode, goesOn) => {
      const { taskId, input, save } = await ended(`sleep 0.2; ${command}`, {}, 'canceled', undefined, goesOn);
      if (goesOn) await new Promise((resolve) => setTimeout(resolve, 300));

      const first = await save();
      const repeat = await save();
      const image: PlannedTask['image'] = { type: 'docker-image', name: 'debian:bookworm' };
      plans.task = () => Promise.resolve({ image } as unknown as PlannedTask);
      await recordRun(store, plans, { ...input, state: 'exception', final: true, saved: first });

      expect(first.ran).toEqual({ runMs: expect.any(Number), exitCode });
      expect(first.ran?.runMs).toBeGreaterThanOrEqual(200);
      expect(repeat).toEqual(first);
      const [run] = (await store.tasks.find(taskId))?.runs ?? [];
      expect(run).toMatchObject({ exitCode, phases: { runMs: first.ran?.runMs } });
    },
  );

  it('tells the most memory that a command was seen to use which was not followed to its end, and forgets it', async () => {
    const { name, taskId, input, save } = await ended('exec sleep 1000', {}, 'canceled', undefined, true);
    const canceled = new AbortController();
    const context = { signal: canceled.signal, isCanceled: () => true, onProgress: () => undefined };
    const { id = '' } = (await engine.containers.inspect(name)) ?? {};
    const following = followToEnd(
      engine,
      {
        ...{ container: { id, hadEnded: false, isAdopted: false }, name, peaks },
        log: await RunLog.open(store.logs, taskId, 0),
        planned: { maxRunTimeSeconds: 60 } as PlannedTask,
      },
      context,
    );
    await until(() => peaks.has(name));
    canceled.abort(new Error('cancelled'));
    await expect(following).rejects.toThrow('cancelled');

    const first = await save();
    const repeat = await save();
    const image: PlannedTask['image'] = { type: 'docker-image', name: 'debian:bookworm' };
    plans.task = () => Promise.resolve({ image } as unknown as PlannedTask);
    await recordRun(store, plans, { ...input, state: 'exception', final: true, saved: first });

    expect(first.peakMemoryBytes).toBeGreaterThan(0);
    expect(repeat).toEqual(first);
    expect([...peaks.keys()]).not.toContain(name);
    const [run] = (await store.tasks.find(taskId))?.runs ?? [];
    expect(run?.peakMemoryBytes).toBe(first.peakMemoryBytes);
  });

  it('removes what was to be kept when its secrets cannot be looked through, and says so', async () => {
    const planned = { secrets: [{ name: 'A' }], keepSeconds: 600 };
    const { name, taskId, save } = await ended(
      `cd ${SECRETS_DIRECTORY} && seq 1100 | xargs touch; exit 3`,
      planned,
      'failed',
    );

    const saved = await save();

    expect(saved).not.toHaveProperty('keptUntil');
    expect(await engine.containers.inspect(keptName(name))).toBeUndefined();
    expect(await engine.containers.inspect(name)).toBeUndefined();
    expect(await logOf(taskId)).toContain('Its container is not kept: There is too much in /run/secrets');
  });
});
