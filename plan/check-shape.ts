import type { z } from 'zod';
import { explainIssue } from './explain-issue.ts';
import { fileSchema } from './file-schema.ts';
import type { FileForm } from './file-schema.ts';
import type { FindingList } from './finding-list.ts';
import { Nearest } from '../model/nearest.ts';
import type { YamlSource } from './read-yaml.ts';
import { isRecord, valueAt } from './values.ts';
import { ShortenedLists } from './shortened-lists.ts';
import type { YamlPath } from './yaml-positions.ts';

/** What is left of a file without what has the wrong shape. */
export interface Shaped {
  readonly file: FileForm;
  /** The path in the text of what is left at a path: items of a list move when one before them is taken out. */
  pathInText(path: YamlPath): YamlPath;
}

/**
 * Reports every field that is unknown, missing or of the wrong type, and gives what is left without them, so that the
 * further checks still find their own mistakes. undefined when nothing is left.
 */
export function checkShape(source: YamlSource, list: FindingList): Shaped | undefined {
  if (!isRecord(source.value)) {
    list.error([], 'the file must be a map', { hint: 'begin with "version: 1"' });
    return undefined;
  }
  const root = withoutExtensions(source.value);
  const result = fileSchema.safeParse(root);
  if (result.success) return { file: result.data, pathInText: (path) => path };
  const nearest = new Nearest();
  for (const issue of result.error.issues) {
    for (const found of explainIssue(issue, { root, source, nearest })) {
      list.error(found.path, found.message, { hint: found.hint, at: found.at });
    }
  }
  return salvage(root, result.error.issues);
}

/** `x-*` at the top level is the author's own: a place for anchors. */
function withoutExtensions(root: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(root).filter(([key]) => !key.startsWith('x-')));
}

/** Takes out what is wrong, and where something is missing what it is missing from, until the rest is right. */
function salvage(root: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): Shaped {
  const rest: Record<string, unknown> = structuredClone(root);
  const lists = new ShortenedLists();
  let wrong = issues;
  for (;;) {
    // Once each: a path that is not there any more would count as missing from its owner.
    const paths = new Map(wrong.flatMap(wrongPaths).map((path) => [JSON.stringify(path), path]));
    for (const path of paths.values()) remove(rest, path, lists);
    for (const path of lists.shorten()) remove(rest, path, lists);
    rest['version'] = 1;
    const result = fileSchema.safeParse(rest);
    if (result.success) return { file: result.data, pathInText: (path) => lists.pathInText(rest, path) };
    wrong = result.error.issues;
  }
}

function wrongPaths(issue: z.core.$ZodIssue): YamlPath[] {
  const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
  return [path];
}

function remove(root: Record<string, unknown>, path: YamlPath, lists: ShortenedLists): void {
  const parent = valueAt(root, path.slice(0, -1));
  const last = path.at(-1);
  if (last === undefined || parent === undefined) return;
  if (isRecord(parent) && Object.hasOwn(parent, last)) {
    delete parent[last];
    return;
  }
  if (Array.isArray(parent) && typeof last === 'number') {
    lists.doom(parent, last, path.slice(0, -1));
    return;
  }
  // Missing from a map.
  remove(root, path.slice(0, -1), lists);
}
