import { MAX_VALUES } from './check-nodes.ts';
import type { FindingList } from './finding-list.ts';
import { MAX_PLAN_CHARACTERS, countCharacters } from './plan-size.ts';
import { entriesOf, valueAt } from './values.ts';

/** Whether `defaults` can be put under every task without blowing the text up as no alias may. */
export function checkDefaults(root: unknown, list: FindingList): boolean {
  const tasks = entriesOf(valueAt(root, ['tasks'])).length;
  const defaults = valueAt(root, ['defaults']);
  const tooMuch =
    countValues(defaults) * tasks > MAX_VALUES
      ? `${MAX_VALUES} values`
      : countCharacters(defaults, MAX_PLAN_CHARACTERS) * tasks > MAX_PLAN_CHARACTERS
        ? `${MAX_PLAN_CHARACTERS} characters`
        : undefined;
  if (tooMuch === undefined) return true;
  list.error(['defaults'], `defaults under ${tasks} tasks come to more than ${tooMuch}`, {
    at: 'key',
    hint: 'leave to the tasks what not all of them need',
  });
  return false;
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + countValues(member), 1);
}
