import type { PlannedTask } from '../model/schema/plan.ts';
import type { ImageDefinition } from '../model/schema/task.ts';
import { orderGraph } from './graph.ts';
import { ownValue } from './values.ts';

/** Names of the in-tree images that tasks use, and of `named` ones, with their parents: parents first, else in the order of the file. */
export function neededImages(
  images: Readonly<Record<string, ImageDefinition>>,
  tasks: readonly Pick<PlannedTask, 'image'>[],
  named: readonly string[] = [],
): string[] {
  const needed = new Set<string>();
  const used = tasks.flatMap(({ image }) => (image.type === 'in-tree' ? [image.name] : []));
  for (const first of [...used, ...named]) {
    let name: string | undefined = first;
    while (name !== undefined && !needed.has(name)) {
      needed.add(name);
      name = ownValue(images, name)?.parent;
    }
  }
  const { order } = orderGraph(Object.keys(images), (name) => {
    const parent = ownValue(images, name)?.parent;
    return parent === undefined ? [] : [parent];
  });
  return order.filter((name) => needed.has(name));
}
