import { isRecord } from './values.ts';

/** Keys that YAML takes for something else, or refuses. */
const NO_PLAIN_KEYS = new Set(['<<', '__proto__']);

const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/**
 * The value of a text that is a JSON map and says the same as YAML; undefined for every other text, also one with equal keys,
 * which `JSON.parse` would pass over. Ten thousand tasks take it milliseconds, where YAML takes seconds.
 */
export function readJsonMap(text: string): Record<string, unknown> | undefined {
  if (!isMeantAsJson(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const keys = countKeys(value);
  return isRecord(value) && keys !== undefined && keys === countWrittenKeys(text) ? value : undefined;
}

/** Whether a text begins as a JSON map does. */
export function isMeantAsJson(text: string): boolean {
  return /^\s*\{/.test(text);
}

/** undefined when a key is none that is plain. */
function countKeys(root: unknown): number | undefined {
  let count = 0;
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (Array.isArray(value)) for (const item of value) rest.push(item);
    if (!isRecord(value)) continue;
    for (const [key, member] of Object.entries(value)) {
      if (NO_PLAIN_KEYS.has(key)) return undefined;
      count += 1;
      if (typeof member === 'object') rest.push(member);
    }
  }
  return count;
}

function countWrittenKeys(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(STRINGS)) if (colon !== undefined) count += 1;
  return count;
}
