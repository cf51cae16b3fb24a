import { orderGraph } from '../graph.ts';
import { valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';

/** What becomes of the tasks of a graph. */
export interface SortedTasks {
  /** Those that build an image, by label, with its name. */
  readonly images: ReadonlyMap<string, string>;
  /** Those that become tasks here, with what they wait for. */
  readonly tasks: ReadonlyMap<string, readonly string[]>;
  /** The others. */
  readonly leftOut: ReadonlyMap<string, LeftOut>;
}

export interface LeftOut {
  readonly why: string;
  /** Whether that is so because of what it depends on only. */
  readonly follows: boolean;
}

const WAITS_ONLY = 'it does nothing but wait: what depends on it waits for its dependencies';

/** Tells builds of images, tasks, and what cannot be a task here; what depends on such a one cannot be one either. */
export function sortTasks(all: ReadonlyMap<string, TaskgraphTask>): SortedTasks {
  const images = new Map<string, string>();
  for (const task of all.values()) {
    const name = imageNameOf(task);
    if (name !== undefined) images.set(task.label, name);
  }
  const tasks = new Map<string, readonly string[]>();
  const leftOut = new Map<string, LeftOut>();
  /** What stands for a task that only waits. */
  const waits = new Map<string, readonly string[]>();
  const dependenciesOf = (label: string): readonly string[] => {
    const task = all.get(label);
    return task ? [...task.edges.values(), ...softDependencies(task, all)] : [];
  };
  for (const label of orderGraph(all.keys(), dependenciesOf).order) {
    const task = all.get(label);
    if (!task || images.has(label)) continue;
    const hard = [...task.edges.values()];
    const missing = hard.find((other) => leftOut.has(other) && !waits.has(other));
    const why = whyNotHere(task);
    if (why !== undefined || missing !== undefined) {
      leftOut.set(label, { why: why ?? `it depends on "${missing}"`, follows: why === undefined });
      continue;
    }
    const soft = softDependencies(task, all).filter((other) => !leftOut.has(other) || waits.has(other));
    const dependencies = [...new Set([...hard, ...soft].flatMap((other) => waits.get(other) ?? [other]))];
    const others = dependencies.filter((other) => !images.has(other));
    if (!isWaiting(task)) tasks.set(label, others);
    else {
      leftOut.set(label, { why: WAITS_ONLY, follows: false });
      waits.set(label, others);
    }
  }
  return { images, tasks, leftOut };
}

/** The name of the image that a task of the kind `docker-image` builds. */
function imageNameOf({ label, entry }: TaskgraphTask): string | undefined {
  const prefix = 'docker-image-';
  if (entry['kind'] !== 'docker-image') return undefined;
  const name = valueAt(entry, ['attributes', 'image_name']);
  return typeof name === 'string' ? name : label.replace(new RegExp(`^${prefix}`), '');
}

/** Those that are there: taskgraph makes them dependencies then. */
function softDependencies(
  { entry }: TaskgraphTask,
  all: ReadonlyMap<string, TaskgraphTask>,
): readonly string[] {
  const soft: readonly unknown[] = Array.isArray(entry['soft_dependencies'])
    ? entry['soft_dependencies']
    : [];
  return soft.filter((label): label is string => typeof label === 'string' && all.has(label));
}

function isWaiting({ definition }: TaskgraphTask): boolean {
  const pool = poolOf(definition);
  return pool === 'built-in/succeed' || pool === 'invalid/always-optimized';
}

function whyNotHere(task: TaskgraphTask): string | undefined {
  const { definition, payload } = task;
  if (payload['image'] !== undefined || isWaiting(task)) return undefined;
  const implementation = valueAt(definition, ['tags', 'worker-implementation']);
  const what =
    typeof implementation === 'string' && implementation !== 'docker-worker'
      ? `its payload is for ${implementation}`
      : isGenericWorkers(payload)
        ? 'its payload is for generic-worker'
        : 'its payload has no image';
  return `${what} (pool ${poolOf(definition)}), and tasks run in containers here`;
}

function isGenericWorkers(payload: Readonly<Record<string, unknown>>): boolean {
  const { command, mounts, osGroups } = payload;
  return (
    mounts !== undefined || osGroups !== undefined || (Array.isArray(command) && command.some(Array.isArray))
  );
}

/** `provisionerId/workerType`, as the queue joins them. */
function poolOf({ taskQueueId, provisionerId, workerType }: Readonly<Record<string, unknown>>): string {
  if (typeof taskQueueId === 'string') return taskQueueId;
  return [provisionerId, workerType].map((part) => (typeof part === 'string' ? part : '-')).join('/');
}
