import type { Draft } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { cycleText, orderGraph } from './graph.ts';

/** Finds tasks that wait for each other. A task that waits for itself is found with its dependencies. */
export function checkTaskGraph(draft: Draft, list: FindingList): void {
  const dependenciesOf = (label: string): readonly string[] =>
    draft.tasks.get(label)?.merged.dependencies ?? [];
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
