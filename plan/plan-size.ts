import type { Finding } from '../model/findings.ts';

/**
 * The most characters that a plan may have as JSON. Up to this it is written, read and held by every process that needs it; a text of
 * eight times as many is none that V8 can make.
 */
export const MAX_PLAN_CHARACTERS = 64_000_000;

/**
 * How many characters a value has as JSON, whatever stands in it twice counted twice. Beyond `most` it is not looked at further: what
 * is given is more than that, and no more is known.
 */
export function countCharacters(value: unknown, most = Infinity): number {
  if (typeof value === 'string') return value.length > most ? value.length : JSON.stringify(value).length;
  if (typeof value !== 'object' || value === null) return String(value).length;
  const hasKeys = !Array.isArray(value);
  let count = 1;
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (count > most) return count;
    if (member === undefined) continue;
    count += (hasKeys ? JSON.stringify(key).length + 2 : 1) + countCharacters(member, most - count);
  }
  return Math.max(count, 2);
}

/** What is wrong with the size of a plan, and what makes it smaller; undefined when it can be kept. */
export function planSizeMistake(plan: unknown): Pick<Finding, 'message' | 'hint'> | undefined {
  if (countCharacters(plan, MAX_PLAN_CHARACTERS) <= MAX_PLAN_CHARACTERS) return undefined;
  return {
    message: `the plan comes to more than ${MAX_PLAN_CHARACTERS} characters: in each task defaults, anchors and the names of files that it takes by a route are written out`,
    hint: 'put long texts into files of the tree, take many files as one archive, or choose fewer tasks',
  };
}
