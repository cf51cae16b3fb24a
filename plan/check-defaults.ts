import { MAX_VALUES } from './check-nodes.ts';
import type { FindingList } from './finding-list.ts';
import { entriesOf, valueAt } from './values.ts';

/** Whether `defaults` can be put under every task without blowing the text up as no alias may. */
export function checkDefaults(root: unknown, list: FindingList): boolean {
  const tasks = entriesOf(valueAt(root, ['tasks'])).length;
  if (countValues(valueAt(root, ['defaults'])) * tasks <= MAX_VALUES) return true;
  list.error(['defaults'], `defaults under ${tasks} tasks come to more than ${MAX_VALUES} values`, {
    at: 'key',
    hint: 'leave to the tasks what not all of them need',
  });
  return false;
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + countValues(member), 1);
}
