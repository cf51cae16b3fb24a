import { NAMESPACE_MAX_LENGTH, NAMESPACE_PATTERN } from '../../model/pure/ids.ts';
import { shorten } from '../../model/shorten.ts';
import { isRecord, valueAt } from '../values.ts';
import { durationUntil } from './dates.ts';
import type { TaskgraphTask } from './document.ts';
import { isTagged } from './document.ts';
import type { Notes } from './notes.ts';

/** What says nothing of how a task is run; `created` and `expires` are what other dates count from, and artifacts expire by. */
const SILENT = [
  ...['created', 'expires', 'metadata', 'tags', 'extra', 'schedulerId', 'taskGroupId', 'projectId'],
  ...['payload', 'scopes', 'routes', 'dependencies', 'provisionerId', 'workerType', 'taskQueueId'],
];

const SAME = ['priority', 'retries', 'requires'];

const KNOWN = new Set([...SILENT, ...SAME, 'deadline']);

/** Members beside the definition, which taskgraph itself decides by. */
const OF_TASKGRAPH = [
  ...['kind', 'label', 'description', 'attributes', 'dependencies', 'soft_dependencies'],
  ...['if_dependencies', 'optimization', 'task', 'task_id'],
];

const INDEX = 'index.';

/** Fields of a task, from what taskgraph and the queue say of it around the payload. */
export function definitionFields(task: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const { entry, definition } = task;
  const fields: Record<string, unknown> = {};
  if (typeof entry['description'] === 'string') fields['description'] = entry['description'];
  for (const field of SAME) if (definition[field] !== undefined) fields[field] = definition[field];
  if (definition['deadline'] !== undefined)
    fields['deadline'] = durationUntil(definition['deadline'], definition['created']);
  const routes = readRoutes(task, notes);
  if (routes.length > 0) fields['routes'] = routes;
  noteDefinition(task, notes);
  return { ...fields, ...readPlaceOnPage(task, notes), ...readOptimization(task, notes) };
}

function noteDefinition(task: TaskgraphTask, notes: Notes): void {
  const { entry, definition } = task;
  for (const field of Object.keys(entry))
    if (!OF_TASKGRAPH.includes(field)) note([field], `"${field}" is unknown`, 'it counts for nothing');
  for (const field of Object.keys(definition))
    if (!KNOWN.has(field)) note(['task', field], `task.${field} is unknown`, 'it counts for nothing');
  if (listOf(entry['if_dependencies']).length > 0)
    note(
      ['if_dependencies'],
      'if_dependencies count for nothing',
      'the task runs whether or not one of them does',
    );
  if (listOf(definition['dependencies']).length > 0)
    note(
      ['task', 'dependencies'],
      'tasks outside this graph are not waited for',
      'dependencies are labels of it',
    );
  note(
    ['task', 'workerType'],
    'provisionerId and workerType count for nothing',
    'any runner of the push’s level takes the task',
  );
  for (const scope of listOf(definition['scopes'])) {
    const text = isTagged(scope, 'task-reference') ? scope['task-reference'] : scope;
    const [, name] = /^secrets:get:(.+)$/.exec(String(text)) ?? [];
    if (name === undefined)
      note(
        ['task', 'scopes'],
        'scopes count for nothing',
        'what a task may do stands in the server’s configuration',
      );
    else
      note(
        ['task', 'scopes'],
        `the secret "${shorten(name)}" is not given by a scope`,
        'name it in "secrets" of defaults, and grant it in the server’s configuration',
      );
  }

  function note(path: readonly string[], message: string, hint: string): void {
    notes.add(task, path, message, hint);
  }
}

/** Routes of the index are what routes are here. */
function readRoutes(task: TaskgraphTask, notes: Notes): readonly string[] {
  return listOf(task.definition['routes']).flatMap((route, index) => {
    const text = String(route);
    const namespace = text.startsWith(INDEX) ? text.slice(INDEX.length) : undefined;
    if (
      namespace !== undefined &&
      namespace.length <= NAMESPACE_MAX_LENGTH &&
      NAMESPACE_PATTERN.test(namespace)
    )
      return [namespace];
    const path = ['task', 'routes', index];
    if (namespace !== undefined)
      notes.add(task, path, `"${shorten(namespace)}" is no namespace here`, 'the task is not found under it');
    else
      notes.add(
        task,
        path,
        `routes "${text.split('.')[0] ?? ''}" lead nowhere`,
        'whoever follows a push sees its tasks on its page and by slipway watch',
      );
    return [];
  });
}

/** As Treeherder would show it; a task without a place there belongs to those of its kind. */
function readPlaceOnPage(task: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const { entry, definition } = task;
  const symbol = valueAt(definition, ['extra', 'treeherder', 'symbol']);
  const group = valueAt(definition, ['extra', 'treeherder', 'groupSymbol']);
  if (symbol !== undefined)
    notes.add(
      task,
      ['task', 'extra', 'treeherder'],
      'symbols and groups of Treeherder are shown on no page yet',
      'slipway plan --json has them',
    );
  return {
    ...(typeof symbol === 'string' ? { symbol } : {}),
    group: typeof group === 'string' && group !== '?' ? group : entry['kind'],
  };
}

/** What taskgraph would leave out when nothing has changed is left out here. */
function readOptimization({ label, entry }: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const { optimization } = entry;
  if (!isRecord(optimization)) return {};
  const { 'skip-unless-changed': changed, ...further } = optimization;
  for (const name of Object.keys(further))
    notes.add(
      { label },
      ['optimization', name],
      `the optimization "${name}" is not carried out`,
      'the task runs, also where taskgraph would replace it or leave it out',
    );
  if (changed === undefined) return {};
  return { when: { changed: Array.isArray(changed) ? changed.map(readChanged) : changed } };
}

/** To taskgraph only stars are special, and what names a directory means all that is in it. */
function readChanged(pattern: unknown): unknown {
  if (typeof pattern !== 'string') return pattern;
  if (pattern === '') return '**';
  const glob = pattern.replace(/[\\?[\]{}(,]|^!/g, '\\$&');
  return /(^|\/)\*\*$/.test(glob) ? glob : `${glob}{,/**}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
