import { expect, it } from '@jest/globals';
import type { Plan } from '../../../model/schema/plan.ts';
import { graphTasks } from '../../../model/pure/graph-pages.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { loadGraph } from '../../../steps/load-graph.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = idOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';

it('The graph of a push has the key that its server has for the priority of each task', async () => {
  const { config } = parseSlipwayYml(`version: 1
tasks:
  first: { image: debian, priority: highest }
  middle: { image: debian, priority: medium }
  last: { image: debian }
`);
  const store = emptyStore();
  const tasks = Object.values(config?.tasks ?? {}).map(({ when: _when, ...task }) => ({ ...task, why: '' }));
  const about = {
    version: 1,
    pushId,
    plannedAt,
    domain: 'demo',
    warnings: [],
    images: [],
    skipped: [],
  } as const;
  const plan: Plan = { ...push, ...about, warnings: [], images: [], skipped: [], tasks };
  await store.pushes.writePlan(plan);

  const page = await loadGraph(store, new PlanCache(store), { push, pushId, plannedAt, from: 0 });

  expect(graphTasks([page]).map(({ label, priority }) => [label, priority])).toEqual([
    ['first', 1],
    ['middle', 3],
    ['last', 5],
  ]);
});
