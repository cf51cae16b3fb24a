import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { containerName } from '../../../model/container-name.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { SaveArtifactsInput } from '../../../model/pure/payloads.ts';
import type { PlannedTask } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { saveArtifacts } from '../../../steps/save-artifacts.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { connectDevEngine, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 60_000;

describe('saving artifacts', () => {
  const fleet = testFleet();
  const store = createStore(createMemoryObjectStore());
  const plans = new PlanCache(store);
  let engine: Engine;
  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
  });
  afterAll(() => engine.close());

  it(
    'gives a repeat that comes after the removal of the container what the first one gave',
    async () => {
      const artifacts: PlannedTask['artifacts'] = {
        'public/there': { type: 'file', path: '/etc/hostname', optional: false },
        'public/optional': { type: 'file', path: '/none', optional: true },
        'public/empty': { type: 'directory', path: '/mnt', optional: false },
        'public/missing': { type: 'file', path: '/none', optional: false },
      };
      plans.task = () => Promise.resolve({ artifacts } as unknown as PlannedTask);
      const pushId = `push/demo/1/${'a'.repeat(40)}`;
      const taskId = taskIdIn(pushId, fleet);
      const task = {
        pushId,
        taskId,
        plannedAt: '',
        label: fleet,
        level: 1,
        firstRun: 0,
        retries: 0,
      } as const;
      const input: SaveArtifactsInput = {
        task: { ...task, deadlineSeconds: 1, maxRunTimeSeconds: 1 },
        run: 0,
        reason: 'completed',
      };
      const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
      const context = { signal, isCanceled: () => false, onProgress: () => undefined };
      const name = containerName(taskId, 0);
      const resources = { pids: 16, shmBytes: 2 ** 26 };
      const labels = { [LABEL.fleet]: fleet };
      await engine.containers.ensureCreated(
        { name, engineImageId: 'debian:bookworm', command: ['true'], env: {}, labels, resources },
        signal,
      );
      await engine.containers.start(name);
      await engine.containers.wait(name, signal);

      const first = await saveArtifacts({ store, plans, engine }, input, context);
      const there = await engine.containers.inspect(name);
      const repeat = await saveArtifacts({ store, plans, engine }, input, context);

      expect(there).toBeUndefined();
      expect(first.artifacts.map((artifact) => artifact.name)).toEqual(['public/there']);
      expect(first.missing).toEqual([{ name: 'public/missing', found: 'absent' }]);
      expect(repeat).toEqual(first);
    },
    TEST_TIMEOUT_MS,
  );
});
