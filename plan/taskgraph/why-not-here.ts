import { DECISION_LABEL } from '../../model/pure/decision.ts';
import { LABEL_MAX_LENGTH, LABEL_PATTERN } from '../../model/pure/ids.ts';
import { TARBALL_ENDINGS, TARBALL_NAME } from '../../model/pure/tarball-name.ts';
import { shorten } from '../../model/shorten.ts';
import { artifactNameMistake } from '../artifact-names.ts';
import { isCacheName } from '../check-mounts.ts';
import { isArtifactOwner, namespaceMistake } from '../check-routes.ts';
import { entriesOf, isRecord, valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import { readCaches } from './payload.ts';
import { edgeOf } from './references.ts';

export interface WhyWords {
  /** Whether the graph has a task of a label. */
  readonly hasTask: (label: string) => boolean;
  /** Whether that builds an image. */
  readonly isImage: (label: string) => boolean;
  /** Whether a task declares an artifact. */
  readonly declares: (label: string, artifact: string) => boolean;
  /** Why the images of tasks cannot be had, by label, as far as somebody has looked for them. */
  readonly unavailable: ReadonlyMap<string, string>;
}

/**
 * Why a task cannot be one here, whatever it depends on, though Taskcluster would take it; undefined when it can. What is a mistake
 * there too is for the checks to find.
 */
export function whyNotHere(task: TaskgraphTask, words: WhyWords): string | undefined {
  return whyNoContainer(task) ?? whyNotCalled(task) ?? whyNoImage(task, words);
}

/** `provisionerId/workerType`, as the queue joins them. */
export function poolOf({ taskQueueId, provisionerId, workerType }: TaskgraphTask['definition']): string {
  if (typeof taskQueueId === 'string') return taskQueueId;
  return [provisionerId, workerType].map((part) => (typeof part === 'string' ? part : '-')).join('/');
}

/** Taskcluster has names that are none here. */
function whyNotCalled({ label, payload }: TaskgraphTask): string | undefined {
  if (label === DECISION_LABEL) return 'its label is that of the decision program';
  if (!LABEL_PATTERN.test(label) || label.length > LABEL_MAX_LENGTH)
    return 'its label is none that a task has here';
  for (const [name] of entriesOf(payload['artifacts'])) {
    const mistake = artifactNameMistake(name);
    if (mistake !== undefined) return `the name of its artifact "${shorten(name)}" ${mistake}`;
  }
  const [cache] = entriesOf(readCaches(payload['cache'])).find(([name]) => !isCacheName(name)) ?? [];
  return cache === undefined ? undefined : `"${shorten(cache)}" is no name for a cache here`;
}

function whyNoContainer({ definition, payload }: TaskgraphTask): string | undefined {
  if (payload['image'] !== undefined) return undefined;
  const implementation = valueAt(definition, ['tags', 'worker-implementation']);
  const what =
    typeof implementation === 'string' && implementation !== 'docker-worker'
      ? `its payload is for ${implementation}`
      : isGenericWorkers(payload)
        ? 'its payload is for generic-worker'
        : 'its payload has no image';
  return `${what} (pool ${poolOf(definition)}), and tasks run in containers here`;
}

function isGenericWorkers({ command, mounts, osGroups }: TaskgraphTask['payload']): boolean {
  return (
    mounts !== undefined || osGroups !== undefined || (Array.isArray(command) && command.some(Array.isArray))
  );
}

function whyNoImage(task: TaskgraphTask, words: WhyWords): string | undefined {
  const { image } = task.payload;
  if (!isRecord(image) || image['in-tree'] !== undefined) return undefined;
  const { type, namespace, taskId, path } = image;
  if (type === 'docker-image') return undefined;
  if (type !== 'indexed-image' && type !== 'task-image')
    return `its image is of ${typeof type === 'string' ? `type "${shorten(type)}", which is unknown` : 'no type'} here`;
  const edge = type === 'task-image' ? edgeOf(taskId) : undefined;
  const maker = edge === undefined ? undefined : task.edges.get(edge);
  // It runs in the image itself, whatever its tarball is called there.
  if (maker !== undefined && words.isImage(maker)) return undefined;
  const unavailable = words.unavailable.get(task.label);
  if (unavailable !== undefined) return `its image cannot be had: ${unavailable}`;
  if (typeof path === 'string' && !TARBALL_NAME.test(path))
    return `its image is "${shorten(path)}", which does not end in ${TARBALL_ENDINGS}`;
  if (type === 'indexed-image')
    return typeof namespace === 'string' && namespaceMistake(namespace) !== undefined
      ? `its image is found by "${shorten(namespace)}", which is no route here`
      : undefined;
  if (typeof taskId === 'string')
    return isArtifactOwner(taskId)
      ? undefined
      : `its image is of the task "${shorten(taskId)}", which is none of Slipway’s`;
  if (edge === undefined) return undefined;
  if (maker === undefined || !words.hasTask(maker))
    return `its image is of "<${shorten(edge)}>", which is no task of this graph`;
  return typeof path === 'string' && !words.declares(maker, path)
    ? `its image is "${shorten(path)}", which "${shorten(maker)}" does not declare`
    : undefined;
}
