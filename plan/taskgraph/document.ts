import { isRecord, valueAt } from '../values.ts';

/** A task as `taskgraph full -J` prints it, below its label. Its members are looked at one by one: taskgraph's schemas are Python's. */
export interface TaskgraphTask {
  readonly label: string;
  readonly entry: Readonly<Record<string, unknown>>;
  /** What would be given to Taskcluster's queue. */
  readonly definition: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Labels of what it waits for, by the name of the edge, as references say it. */
  readonly edges: ReadonlyMap<string, string>;
}

/** What stands in slipway.yml, beside which a graph is. */
export interface Written {
  /** Its definitions count. */
  readonly images: Readonly<Record<string, unknown>>;
  readonly tasks: Readonly<Record<string, unknown>>;
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** Whether a value is a graph as taskgraph prints it, and not one as Slipway has it: some member has what every task there has. */
export function isTaskgraph(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && Object.values(value).some(isTask);
}

/** The task of a label, or undefined when what stands there is none. */
export function readTask(label: string, entry: unknown): TaskgraphTask | undefined {
  if (!isTask(entry)) return undefined;
  const { task: definition, dependencies } = entry;
  const payload = valueAt(definition, ['payload']);
  const edges = isRecord(dependencies) ? Object.entries(dependencies) : [];
  return {
    label,
    entry,
    definition: isRecord(definition) ? definition : {},
    payload: isRecord(payload) ? payload : {},
    edges: new Map(edges.filter((edge): edge is [string, string] => typeof edge[1] === 'string')),
  };
}

/** Whether a value is a map with one member of that name, as references and relative dates are written. */
export function isTagged<Tag extends string>(value: unknown, tag: Tag): value is Record<Tag, unknown> {
  return isRecord(value) && Object.keys(value).length === 1 && Object.hasOwn(value, tag);
}

function isTask(value: unknown): value is Record<string, unknown> {
  return (
    isRecord(value) &&
    typeof value['kind'] === 'string' &&
    typeof value['label'] === 'string' &&
    isRecord(value['task'])
  );
}
