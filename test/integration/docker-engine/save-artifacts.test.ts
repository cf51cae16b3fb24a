import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { keptName } from '../../../docker/kept/kept-name.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import { containerName } from '../../../model/container-name.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { SaveArtifactsInput, SavedArtifacts } from '../../../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { SECRETS_DIRECTORY } from '../../../steps/run-secrets.ts';
import { saveArtifacts } from '../../../steps/save-artifacts.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 60_000;
jest.setTimeout(TEST_TIMEOUT_MS);

const aMinute = (): AbortSignal => AbortSignal.timeout(TEST_TIMEOUT_MS);

describe('saving artifacts', () => {
  const fleet = testFleet();
  const store = createStore(createMemoryObjectStore());
  const plans = new PlanCache(store);
  let engine: Engine;
  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
  });
  afterAll(async () => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await engine.close();
  });

  /** The container of a run whose command has ended, and what saves what it has left. */
  async function ended(
    command: string,
    planned: Partial<PlannedTask>,
    reason: SaveArtifactsInput['reason'],
  ): Promise<{
    readonly name: string;
    readonly taskId: string;
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
    };
    const signal = aMinute();
    const context = { signal, isCanceled: () => false, onProgress: () => undefined };
    const name = containerName(taskId, 0);
    const labels = { [LABEL.fleet]: fleet };
    const spec = {
      name,
      engineImageId: 'debian:bookworm',
      command: ['sh', '-c', command],
      env: {},
      labels,
      resources: { pids: 16, shmBytes: 2 ** 26 },
      volumes: planned.secrets ? [{ path: SECRETS_DIRECTORY, labels }] : [],
    };
    await engine.containers.ensureCreated(spec, signal);
    await engine.containers.start(name);
    await engine.containers.wait(name, signal);
    return { name, taskId, save: () => saveArtifacts({ store, plans, engine }, input, context) };
  }

  async function logOf(taskId: string): Promise<string> {
    let log = '';
    for await (const chunk of store.logs.chunks(taskId, 0, -1)) log += chunk.text.toString();
    return log;
  }

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
    expect(first.artifacts.map((artifact) => artifact.name)).toEqual(['public/there']);
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
