import type { Draft } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { cycleText, orderGraph } from './graph.ts';

/** Dependencies that the tasks of one push may have in all: ten thousand tasks have a hundred each. */
const MOST_DEPENDENCIES = 1_000_000;

/** Finds tasks that wait for each other, and graphs that are too dense. A task that waits for itself is found with its dependencies. */
export function checkTaskGraph(draft: Draft, list: FindingList): void {
  const dependenciesOf = (label: string): readonly string[] =>
    draft.tasks.get(label)?.merged.dependencies ?? [];
  if (isTooDense(draft, list)) return;
  const { cycles } = orderGraph(draft.tasks.keys(), (label) =>
    dependenciesOf(label).filter((dependency) => dependency !== label),
  );
  for (const cycle of cycles) {
    const [label = '', next = ''] = cycle;
    const index = dependenciesOf(label).indexOf(next);
    const path = draft.tasks.get(label)?.path('dependencies', index) ?? ['tasks', label];
    list.error(path, `tasks wait for each other: ${cycleText(cycle)}`, {
      hint: 'take one of these dependencies away',
    });
  }
}

/** Said where most of them stand. */
function isTooDense({ tasks }: Draft, list: FindingList): boolean {
  const counts = [...tasks.values()].map((task) => ({ task, count: task.merged.dependencies?.length ?? 0 }));
  const sum = counts.reduce((all, { count }) => all + count, 0);
  if (sum <= MOST_DEPENDENCIES) return false;
  const { task } = counts.reduce((most, other) => (other.count > most.count ? other : most));
  list.error(task.path('dependencies'), `the tasks have ${sum} dependencies in all`, {
    at: 'key',
    hint: `at most ${MOST_DEPENDENCIES}: where many tasks wait for the same many, let one task wait for these, and the others for it`,
  });
  return true;
}
