import { beforeEach, expect, it } from '@jest/globals';
import { listPushes } from '../../../client/list-pushes.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput({ pushedBy: 'anne', received: '2026-01-02T03:04:05.000Z' });
const pushId = idOf(push);
const plannedAt = '2026-01-02T03:04:06.000Z';

let store: Store;
beforeEach(async () => {
  store = emptyStore();
  await receivePush(store, { push, pushId }, 'demo');
});

it('A push is listed before it is planned', async () => {
  expect(await listPushes(store, { limit: 5 })).toMatchObject([{ id: pushId, state: 'running', tasks: [] }]);
});

it('A push that runs is listed as its tasks stand, one that is resolved as its record says', async () => {
  const { config } = parseSlipwayYml('version: 1\ntasks: { a: { image: debian }, b: { image: debian } }\n');
  const tasks = Object.values(config?.tasks ?? {}).map((task) => ({ ...task, why: '' }));
  const plan = { ...push, version: 1 as const, pushId, plannedAt, domain: 'demo', tasks };
  await store.pushes.writePlan({ ...plan, warnings: [], images: [], skipped: [] });
  await recordPush(store, { pushId, plannedAt, images: [] });
  const taskId = taskIdIn(pushId, 'a');
  await store.tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label: 'a',
    plannedAt,
    state: 'completed',
    created: plannedAt,
    resolved: plannedAt,
    runs: [],
  }));
  const states = async (): Promise<readonly string[]> =>
    (await listPushes(store, { limit: 5 })).flatMap((document) => [
      document.state,
      ...document.tasks.map(({ label, state }) => `${label} ${state}`),
    ]);

  expect(await states()).toEqual(['running', 'a completed', 'b pending']);

  await recordPush(store, { pushId, plannedAt, images: [], verdict: { reason: 'failed' } });
  expect((await states())[0]).toBe('failed');
});
