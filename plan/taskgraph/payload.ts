import { LONGEST_SECONDS } from '../../model/pure/duration.ts';
import { durationSeconds } from '../check-duration.ts';
import { entriesOf, isRecord, ownValue } from '../values.ts';
import { durationUntil } from './dates.ts';
import type { TaskgraphTask } from './document.ts';
import { isTagged } from './document.ts';
import { readFetches } from './fetches.ts';
import type { Notes } from './notes.ts';
import type { Input, ReferenceWords } from './references.ts';
import { edgeOf, References } from './references.ts';
import { readRights } from './rights.ts';

/** Fields of docker-worker's payload that are read here or in rights.ts. */
const READ = [
  'image',
  'command',
  'env',
  'maxRunTime',
  'artifacts',
  'cache',
  'onExitStatus',
  'features',
  'capabilities',
];

const NO_EFFECT: Readonly<Record<string, string>> = {
  log: 'the log is always public/logs/live.log',
  supersederUrl:
    'newer pushes take the place of older ones where the server’s configuration says "supersede"',
};

export interface PayloadFields {
  /** What the task takes of others. */
  readonly inputs: Readonly<Record<string, Input>>;
  readonly [field: string]: unknown;
}

/** Fields of a task, from docker-worker's payload. */
export function payloadFields(task: TaskgraphTask, words: ReferenceWords): PayloadFields {
  const { payload, definition } = task;
  const { notes } = words;
  const references = new References(task, words);
  const variables = isRecord(payload['env']) ? payload['env'] : {};
  const fetches = readFetches(task, variables, { ...words, references });
  const env = mapValues(fetches.env, (value, name) =>
    references.resolve(value, ['task', 'payload', 'env', name]),
  );
  const command = readCommand(task, references, notes);
  for (const field of Object.keys(payload)) {
    if (READ.includes(field)) continue;
    const hint = ownValue(NO_EFFECT, field) ?? 'it counts for nothing';
    notes.add(task, ['task', 'payload', field], `payload.${field} is not carried out`, hint);
  }
  return {
    image: readImage(task, words, references),
    ...(command === undefined ? {} : { command }),
    env: isRecord(payload['env'] ?? {}) ? env : payload['env'],
    ...(payload['maxRunTime'] === undefined ? {} : { maxRunTime: payload['maxRunTime'] }),
    ...(payload['artifacts'] === undefined
      ? {}
      : { artifacts: readArtifacts(payload['artifacts'], definition) }),
    ...(payload['cache'] === undefined ? {} : { cache: readCaches(payload['cache']) }),
    ...readExitStatus(task, notes),
    ...readRights(task, notes),
    inputs: Object.fromEntries([...fetches.inputs, ...references.inputs]),
  };
}

/** A task of the kind `docker-image` is the image itself. */
function readImage(task: TaskgraphTask, { images, notes }: ReferenceWords, references: References): unknown {
  const { image } = task.payload;
  if (!isRecord(image)) return image;
  if (image['type'] === 'indexed-image')
    notes.add(
      task,
      ['task', 'payload', 'image', 'namespace'],
      'namespaces of indexed images are not those of Taskcluster’s index',
      'they are looked up among the routes of earlier pushes here',
    );
  const edge = edgeOf(image['taskId']);
  if (edge === undefined) return image;
  const name = images.get(task.edges.get(edge) ?? '');
  if (name !== undefined) return { 'in-tree': name };
  const label = references.labelOf(edge);
  return label === undefined ? image : { ...image, taskId: { 'task-reference': label } };
}

function readCommand(task: TaskgraphTask, references: References, notes: Notes): unknown {
  const { command } = task.payload;
  if (!Array.isArray(command) || command.length === 0)
    return command === undefined || Array.isArray(command) ? undefined : command;
  const path = ['task', 'payload', 'command'];
  const words = command.map((word: unknown, index) => references.resolve(word, [...path, index]));
  if (words.some((word) => typeof word === 'string' && /^--[\w-]+-checkout=/.test(word)))
    notes.add(
      task,
      path,
      'run-task fetches the repository by itself',
      'the address in its variables must be one that the task’s container reaches; what Slipway has checked out is not used',
    );
  return words;
}

function readArtifacts(artifacts: unknown, { created, expires }: TaskgraphTask['definition']): unknown {
  if (!isRecord(artifacts)) return artifacts;
  return mapValues(artifacts, (artifact) => {
    if (!isRecord(artifact)) return artifact;
    const date = artifact['expires'] ?? expires;
    return date === undefined ? artifact : { ...artifact, expires: lifeUntil(date, created) };
  });
}

/** taskgraph keeps what it fetches at level 3 for 1,000 years: as long as anything can be kept here means the same. */
function lifeUntil(date: unknown, created: unknown): unknown {
  const life = durationUntil(date, created);
  const seconds = typeof life === 'number' || typeof life === 'string' ? durationSeconds(life) : undefined;
  return seconds !== undefined && seconds > LONGEST_SECONDS ? LONGEST_SECONDS : life;
}

/**
 * Caches by their names. taskgraph puts the image's task into the name, so that tasks of other images have others; here that is
 * what caches do by themselves, and one without it is every image's.
 */
export function readCaches(cache: unknown): unknown {
  const named = isTagged(cache, 'task-reference') ? cache['task-reference'] : cache;
  if (!isRecord(named)) return cache;
  return Object.fromEntries(
    entriesOf(named).map(([name, path]) => {
      const plain = name.replace(/-?<[^>]+>/g, '');
      return [plain, plain === name ? { path, perImage: false } : path];
    }),
  );
}

function readExitStatus(task: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const { onExitStatus } = task.payload;
  if (onExitStatus === undefined) return {};
  if (!isRecord(onExitStatus)) return { onExitStatus };
  const { retry, purgeCaches, ...further } = onExitStatus;
  for (const field of Object.keys(further))
    notes.add(
      task,
      ['task', 'payload', 'onExitStatus', field],
      `payload.onExitStatus.${field} is not carried out`,
      'it counts for nothing',
    );
  return {
    onExitStatus: {
      ...(retry === undefined ? {} : { retry }),
      ...(purgeCaches === undefined ? {} : { purgeCaches }),
    },
  };
}

function mapValues(
  record: Readonly<Record<string, unknown>>,
  change: (value: unknown, name: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
}
