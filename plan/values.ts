import { shorten } from '../model/shorten.ts';
import type { YamlPath } from './yaml-positions.ts';

/** Whether a plain value is a map. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members of a map, and none of anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

/** The plain value at a path, undefined when it is not there. */
export function valueAt(root: unknown, path: YamlPath): unknown {
  let value = root;
  for (const segment of path) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, segment);
    if (!isThere) return undefined;
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}

/** A member of a map by a name that comes from a text: never one that every object has, such as `constructor`. */
export function ownValue<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** A plain value in the words of people: `the text "x"`, `a list`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return `the text "${shorten(value)}"`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  return Array.isArray(value) ? 'a list' : 'a map';
}
