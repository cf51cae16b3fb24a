import { NAME_PATTERN } from '../../model/pure/ids.ts';
import { shorten } from '../../model/shorten.ts';
import { orderGraph } from '../graph.ts';
import { valueAt } from '../values.ts';
import type { TaskgraphTask, Written } from './document.ts';
import type { WhyWords } from './why-not-here.ts';
import { poolOf, whyNotHere } from './why-not-here.ts';

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

export interface SortWords extends Pick<WhyWords, 'declares' | 'unavailable'> {
  readonly written: Pick<Written, 'images' | 'tasks'>;
}

/** Tells builds of images, tasks, and what cannot be a task here; what depends on such a one cannot be one either. */
export function sortTasks(
  all: ReadonlyMap<string, TaskgraphTask>,
  { written, ...further }: SortWords,
): SortedTasks {
  const builds = new Map<string, string>();
  for (const task of all.values()) {
    const name = imageNameOf(task);
    if (name !== undefined) builds.set(task.label, name);
  }
  const words = {
    ...further,
    hasTask: (label: string) => all.has(label),
    isImage: (label: string) => builds.has(label),
  };
  const images = new Map<string, string>();
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
    if (!task) continue;
    const image = builds.get(label);
    const hard = [...task.edges.values()];
    const why = image === undefined ? whyNoTask(task, hard) : whyNoImage(task, image);
    if (why) {
      leftOut.set(label, why);
      continue;
    }
    if (image !== undefined) {
      images.set(label, image);
      continue;
    }
    const soft = softDependencies(task, all).filter((other) => !leftOut.has(other) || waits.has(other));
    const dependencies = [...new Set([...hard, ...soft].flatMap((other) => waits.get(other) ?? [other]))];
    const others = dependencies.filter((other) => !builds.has(other));
    if (!isWaiting(task)) tasks.set(label, others);
    else {
      leftOut.set(label, { why: WAITS_ONLY, follows: false });
      waits.set(label, others);
    }
  }
  return { images, tasks, leftOut };

  function whyNoTask(task: TaskgraphTask, hard: readonly string[]): LeftOut | undefined {
    const why = isWaiting(task) ? undefined : whyNotHere(task, words);
    if (why !== undefined) return { why, follows: false };
    const missing = hard.find((other) =>
      all.has(other) ? leftOut.has(other) && !waits.has(other) : !Object.hasOwn(written.tasks, other),
    );
    return missing === undefined ? undefined : without(missing);
  }

  /** What slipway.yml says of an image counts; one of the graph stands on its parent, and waits for nothing else. */
  function whyNoImage({ edges }: TaskgraphTask, image: string): LeftOut | undefined {
    if (Object.hasOwn(written.images, image)) return undefined;
    const parent = edges.get('parent');
    if (!NAME_PATTERN.test(image))
      return { why: `"${shorten(image)}" is no name for an image here`, follows: false };
    return parent === undefined || images.has(parent) ? undefined : without(parent);
  }

  function without(missing: string): LeftOut {
    return all.has(missing)
      ? { why: `it depends on "${missing}"`, follows: true }
      : { why: `it depends on "${missing}", which is not in this graph`, follows: false };
  }
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
