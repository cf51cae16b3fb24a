import { expect, it } from '@jest/globals';
import { graphTasks } from '../../../model/pure/graph-pages.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { loadGraph } from '../../../steps/load-graph.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = idOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';

it('The graph of a push has the key that its server has for the priority of each task', async () => {
  const store = emptyStore();
  const file = `version: 1
tasks:
  first: { image: debian, priority: highest }
  middle: { image: debian, priority: medium }
  last: { image: debian }
`;
  await store.pushes.writePlan(aPlanOf(push, { plannedAt, file }));

  const page = await loadGraph(store, new PlanCache(store), { push, pushId, plannedAt, from: 0 });

  expect(graphTasks([page]).map(({ label, priority }) => [label, priority])).toEqual([
    ['first', 1],
    ['middle', 3],
    ['last', 5],
  ]);
});
