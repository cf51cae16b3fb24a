import { isRecord, valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import { isTagged } from './document.ts';
import type { Notes } from './notes.ts';

/** taskgraph sets it for every image, mostly to nothing. */
const PACKAGES = 'DOCKER_IMAGE_PACKAGES';

export interface ImageWords {
  readonly images: ReadonlyMap<string, string>;
  /** Definitions of slipway.yml: they count. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly notes: Notes;
}

/** The definition of the image that a `docker-image` task builds: how it was built there does not matter. */
export function imageDefinition(
  task: TaskgraphTask,
  name: string,
  { images, notes }: ImageWords,
): Record<string, unknown> {
  const parentTask = task.edges.get('parent');
  const parent = parentTask === undefined ? undefined : (images.get(parentTask) ?? parentTask);
  const args = readArgs(task, notes);
  const symbol = valueAt(task.definition, ['extra', 'treeherder', 'symbol']);
  notes.add(
    task,
    ['task', 'payload'],
    'its payload builds an image with tools of Taskcluster',
    'Slipway builds it from taskcluster/docker/NAME when a task runs in it, and finds it again by its hash; limits, features, caches and routes of such a task count for nothing',
  );
  return {
    context: `taskcluster/docker/${name}`,
    ...(parent === undefined ? {} : { parent }),
    ...(Object.keys(args).length === 0 ? {} : { args }),
    ...(typeof symbol === 'string' ? { symbol } : {}),
  };
}

/** Says where a definition of slipway.yml, which counts, differs from what taskgraph would build. */
export function compareImage(
  task: TaskgraphTask,
  name: string,
  definition: Readonly<Record<string, unknown>>,
  { written, notes }: ImageWords,
): void {
  const own = written[name];
  if (!isRecord(own)) return;
  for (const field of ['parent', 'args']) {
    if (sorted(own[field]) === sorted(definition[field])) continue;
    notes.add(
      task,
      field === 'parent' ? ['dependencies'] : ['task', 'payload', 'env', 'DOCKER_BUILD_ARGS'],
      `${field} of the image "${name}" is another one in slipway.yml`,
      'what slipway.yml says counts',
    );
  }
}

function readArgs(task: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const path = ['task', 'payload', 'env', 'DOCKER_BUILD_ARGS'];
  const written = valueAt(task.payload, ['env', 'DOCKER_BUILD_ARGS']);
  const text = isTagged(written, 'task-reference') ? written['task-reference'] : written;
  const args = typeof text === 'string' ? parseMap(text) : {};
  if (!args) {
    notes.add(task, path, 'DOCKER_BUILD_ARGS is no JSON map', 'the image is built without arguments');
    return {};
  }
  const { [PACKAGES]: packages = '', ...rest } = args;
  if (packages !== '')
    notes.add(
      task,
      path,
      `its packages (${String(packages)}) are not brought in`,
      'an image is built from its context and its parent only: bring packages in there',
    );
  return rest;
}

function parseMap(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sorted(value: unknown): string {
  return JSON.stringify(isRecord(value) ? Object.entries(value).sort() : (value ?? null));
}
