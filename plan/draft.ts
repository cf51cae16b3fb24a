import { DECISION_LABEL, TASK_GRAPH } from '../model/pure/decision.ts';
import { decisionDefaults } from './decision-task.ts';
import type { FileForm, TaskPart } from './file-schema.ts';
import { isMergedMap, mergeDefaults, uncoveredDefaults } from './merge-defaults.ts';
import { Nearest } from '../model/nearest.ts';
import { entriesOf, isRecord, ownValue, valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

/** Types of artifacts that hold many files. */
const DIRECTORIES: readonly unknown[] = ['directory', 'volume'];

/** One task while it is checked. */
export interface DraftTask {
  readonly label: string;
  /** With `defaults` under it and without the fields that have the wrong shape. */
  readonly merged: TaskPart;
  /** Artifacts by name, those too whose definition is wrong. */
  readonly artifacts: ReadonlyMap<string, { readonly isDirectory: boolean }>;
  /** Whether the text gives the field, rightly or wrongly. */
  mentions(field: keyof TaskPart): boolean;
  /** Whether all items are in `merged` that the text gives a list: what a wrong one would have said is not known. */
  isWhole(field: 'dependencies'): boolean;
  /** Where a field, or a member of it, stands: in the task, else in `defaults`. */
  path(field: keyof TaskPart, ...inside: YamlPath): YamlPath;
}

/** A file while it is checked. Names are those that the text has, also of members that are wrong themselves. */
export interface Draft {
  readonly file: FileForm;
  readonly imageNames: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
  readonly tasks: ReadonlyMap<string, DraftTask>;
  /** Whether a decision program may print further tasks, so that labels which are unknown may still come. */
  readonly isOpen: boolean;
  readonly nearest: Nearest;
}

/** Joins what the text says (`root`) with what of it has the right shape (`file`). */
export function createDraft(root: unknown, file: FileForm, hasPrinted = false): Draft {
  const defaults = recordAt(root, ['defaults']);
  const tasks = new Map<string, DraftTask>();
  for (const [label, part] of Object.entries(file.tasks ?? {})) {
    const written = recordAt(root, ['tasks', label]);
    // What the task says wrongly is not known: the default that it would replace does not stand in for it.
    const merged = mergeDefaults(uncoveredDefaults(file.defaults, written), part);
    tasks.set(label, createDraftTask(label, merged, { path: ['tasks', label], written, defaults }));
  }
  const decides = valueAt(root, ['decision']) !== undefined;
  const decision = recordAt(root, ['decision']);
  if (file.decision) {
    const under = decisionDefaults(file.defaults);
    const merged = mergeDefaults(uncoveredDefaults(under, decision) ?? {}, file.decision);
    const place = { path: ['decision'], written: decision, defaults: decisionDefaults(defaults) };
    // A task of that label is reported as one too many; its own mistakes are reported with it.
    if (!tasks.has(DECISION_LABEL)) {
      const task = createDraftTask(DECISION_LABEL, merged, place);
      tasks.set(DECISION_LABEL, { ...task, artifacts: new Map([[TASK_GRAPH, { isDirectory: false }]]) });
    }
  }
  return {
    file,
    imageNames: new Set(entriesOf(valueAt(root, ['images'])).map(([name]) => name)),
    labels: new Set([
      ...(decides ? [DECISION_LABEL] : []),
      ...entriesOf(valueAt(root, ['tasks'])).map(([label]) => label),
    ]),
    tasks,
    isOpen: !hasPrinted && decides,
    nearest: new Nearest(),
  };
}

function createDraftTask(
  label: string,
  merged: TaskPart,
  {
    path: own,
    written,
    defaults,
  }: {
    readonly path: YamlPath;
    readonly written: Record<string, unknown>;
    readonly defaults: Record<string, unknown>;
  },
): DraftTask {
  const both: Record<string, unknown> = mergeDefaults(defaults, written);
  return {
    label,
    merged,
    artifacts: new Map(
      entriesOf(both['artifacts']).map(([name, definition]) => [
        name,
        { isDirectory: isRecord(definition) && DIRECTORIES.includes(definition['type']) },
      ]),
    ),
    mentions: (field) => Object.hasOwn(written, field) || Object.hasOwn(defaults, field),
    isWhole: (field) => {
      const list = both[field];
      return list === undefined || (Array.isArray(list) && list.length === merged[field]?.length);
    },
    path: (field, ...inside) => [...(isOwn(field, inside[0]) ? own : ['defaults']), field, ...inside],
  };

  function isOwn(field: string, member: string | number | undefined): boolean {
    const ownField = ownValue(written, field);
    if (ownField === undefined) return !Object.hasOwn(defaults, field);
    if (member === undefined || !isMergedMap(field) || !isRecord(ownField)) return true;
    return Object.hasOwn(ownField, member) || valueAt(defaults, [field, member]) === undefined;
  }
}

function recordAt(root: unknown, path: YamlPath): Record<string, unknown> {
  const value = valueAt(root, path);
  return isRecord(value) ? value : {};
}
