import { isRecord } from './values.ts';

/** Maps whose members are merged one by one. An image is a choice between forms, so it is replaced. */
const MERGED_MAPS: ReadonlySet<string> = new Set([
  'env',
  'artifacts',
  'inputs',
  'features',
  'cache',
  'capabilities',
  'resources',
  'onExitStatus',
  'when',
]);

/** Puts `defaults` under a task: maps are merged one level deep, everything else is replaced by what the task says. */
export function mergeDefaults<T extends object>(defaults: T | undefined, task: T): T {
  if (!defaults) return task;
  const merged = { ...defaults, ...task } as Record<string, unknown>;
  for (const [field, under] of Object.entries(defaults)) {
    const over = merged[field];
    if (MERGED_MAPS.has(field) && isRecord(under) && isRecord(over)) merged[field] = { ...under, ...over };
  }
  return merged as T;
}

/** The part of `defaults` that a task, as written, does not replace. */
export function uncoveredDefaults<T extends object>(
  defaults: T | undefined,
  task: Readonly<Record<string, unknown>>,
): T | undefined {
  if (!defaults) return undefined;
  const rest = Object.entries(defaults).flatMap(([field, under]): [string, unknown][] => {
    const over = Object.hasOwn(task, field) ? task[field] : undefined;
    if (over === undefined) return [[field, under]];
    if (!MERGED_MAPS.has(field) || !isRecord(under) || !isRecord(over)) return [];
    return [
      [field, Object.fromEntries(Object.entries(under).filter(([name]) => !Object.hasOwn(over, name)))],
    ];
  });
  return Object.fromEntries(rest) as T;
}

/** Whether `defaults` and a task can share a field, each giving members of it. */
export function isMergedMap(field: string): boolean {
  return MERGED_MAPS.has(field);
}
