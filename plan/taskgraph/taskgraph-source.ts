import type { Finding } from '../../model/findings.ts';
import type { YamlSource } from '../read-yaml.ts';
import { shorten } from '../../model/shorten.ts';
import { valueAt } from '../values.ts';
import type { YamlPath } from '../yaml-positions.ts';
import type { TaskgraphContext, TranslatedGraph } from './translate-taskgraph.ts';
import { translateTaskgraph } from './translate-taskgraph.ts';

/** What taskgraph printed, as if the same had been printed the way Slipway has it. */
export type TaskgraphSource = YamlSource & Pick<TranslatedGraph, 'leftOut' | 'imageTasks'>;

/** Translates a graph; what is found in the translation later has its place in the text that was printed. */
export function taskgraphSource(
  source: YamlSource,
  document: Readonly<Record<string, unknown>>,
  context: TaskgraphContext,
): TaskgraphSource {
  const graph = translateTaskgraph(document, context);
  const value = { version: 1, images: graph.images, tasks: graph.tasks };
  const written = (path: YamlPath): YamlPath => writtenPath(path, graph, document);
  return {
    file: source.file,
    usable: source.usable,
    value,
    findings: [...source.findings, ...graph.strange.map(strangeFinding), ...graph.notes.findings(source)],
    leftOut: graph.leftOut,
    imageTasks: graph.imageTasks,
    position: (path, at) => source.position(written(path), at),
    has: (path) => valueAt(value, path) !== undefined,
    writtenAt: (path) => source.writtenAt(written(path)),
  };

  function strangeFinding(label: string): Finding {
    return {
      severity: 'error',
      file: source.file,
      ...source.position([label], 'key'),
      message: `"${shorten(label)}" is no task as taskgraph prints it`,
      hint: 'print what `taskgraph target-graph -J` prints, and nothing beside it',
    };
  }
}

/** Fields that stand beside the payload. */
const OF_DEFINITION = ['routes', 'priority', 'retries', 'requires', 'deadline'];

const ELSEWHERE: Readonly<Record<string, YamlPath>> = {
  symbol: ['task', 'extra', 'treeherder', 'symbol'],
  group: ['task', 'extra', 'treeherder', 'groupSymbol'],
  inputs: ['task', 'payload', 'env', 'MOZ_FETCHES'],
  description: ['description'],
};

/** Where a path of the translation stands in the text; if at no place of its own, where that stands which it came from. */
function writtenPath(
  path: YamlPath,
  { imageTasks, tasks }: TranslatedGraph,
  document: Readonly<Record<string, unknown>>,
): YamlPath {
  const [part, name, field, ...inside] = path;
  if (name === undefined) return [];
  if (part === 'images') return [imageTasks.get(String(name)) ?? name];
  if (field === undefined) return [name];
  const value = valueAt(tasks, [name, field, ...inside.slice(0, 1)]);
  switch (field) {
    case 'dependencies':
      return [name, 'dependencies', keyOf(valueAt(document, [name, 'dependencies']), value)];
    case 'routes':
      return [
        name,
        'task',
        'routes',
        keyOf(valueAt(document, [name, 'task', 'routes']), `index.${String(value)}`),
      ];
    case 'when':
      return [name, 'optimization', 'skip-unless-changed', ...inside.slice(1)];
    default:
  }
  const other = ELSEWHERE[field];
  if (other) return [name, ...other];
  return [name, 'task', ...(OF_DEFINITION.includes(String(field)) ? [] : ['payload']), field, ...inside];
}

/** Under what a map or list has a value; an empty word, which is nowhere, when it has not. */
function keyOf(container: unknown, value: unknown): string | number {
  if (Array.isArray(container)) return container.indexOf(value);
  const found = Object.entries(container ?? {}).find(([, member]) => member === value);
  return found?.[0] ?? '';
}
