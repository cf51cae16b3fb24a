import { posix } from 'node:path';
import type { PlannedTask, TaskImage, TaskRight } from '../model/schema/plan.ts';
import type { ImageDefinition, ImageForm } from '../model/schema/task.ts';
import { checkoutGit, checkoutPath } from './checkout.ts';
import { durationSeconds } from './check-duration.ts';
import type { TaskPart } from './file-schema.ts';
import { parseSizeBytes } from './sizes.ts';

/** A task with every default filled in, before it is known whether and why it is wanted. */
export type NormalizedTask = Omit<PlannedTask, 'why'> & {
  readonly when: NonNullable<TaskPart['when']>;
};

const DEFAULT_MAX_RUN_TIME_SECONDS = 3600;
export const DEFAULT_DEADLINE_SECONDS = 86_400;
const DEFAULT_RETRIES = 5;
const DEFAULT_PIDS = 4096;
const DEFAULT_SHM_BYTES = 1_800_000_000;

/** Fills in the defaults of a task that has been checked. */
export function normalizeTask(label: string, task: TaskPart): NormalizedTask {
  if (task.image === undefined) throw new TypeError(`Task "${label}" has not been checked: it has no image`);
  const { memory, cpus, disk, pids, shm } = task.resources ?? {};
  return {
    label,
    description: task.description ?? '',
    image: normalizeImage(task.image),
    ...optional('command', typeof task.command === 'string' ? ['sh', '-c', task.command] : task.command),
    env: task.env ?? {},
    maxRunTimeSeconds: secondsOf(task.maxRunTime) ?? DEFAULT_MAX_RUN_TIME_SECONDS,
    artifacts: normalizeArtifacts(task.artifacts ?? {}),
    inputs: normalizeInputs(task.inputs),
    dependencies: [...new Set(task.dependencies)],
    requires: task.requires ?? 'all-completed',
    priority: task.priority ?? 'lowest',
    retries: task.retries ?? DEFAULT_RETRIES,
    deadlineSeconds: secondsOf(task.deadline) ?? DEFAULT_DEADLINE_SECONDS,
    retryExitCodes: task.onExitStatus?.retry ?? [],
    ...optional('caches', normalizeCaches(task.cache)),
    ...optional('rights', rightsOf(task)),
    ...optional('secrets', normalizeSecrets(task.secrets)),
    ...optional('purgeExitCodes', notEmpty(task.onExitStatus?.purgeCaches)),
    resources: {
      ...optional('memoryBytes', bytesOf(memory)),
      ...optional('cpus', cpus),
      ...optional('diskBytes', bytesOf(disk)),
      pids: pids ?? DEFAULT_PIDS,
      shmBytes: bytesOf(shm) ?? DEFAULT_SHM_BYTES,
    },
    ...optional('dind', task.features?.['dind'] === true ? (true as const) : undefined),
    ...(task.features?.['interactive'] === 'onFailure' ? { interactive: 'onFailure' as const } : {}),
    ...(task.network === 'none' ? { network: 'none' as const } : {}),
    checkout: checkoutPath(task.checkout) ?? null,
    ...optional('checkoutGit', checkoutGit(task.checkout)),
    ...optional('user', task.user === undefined ? undefined : String(task.user)),
    ...optional('symbol', task.symbol),
    ...optional('group', task.group),
    ...optional('routes', notEmpty(task.routes)),
    when: task.when ?? {},
  };
}

/** The one form of a task's image. `<label>`, as taskgraph writes a reference, is understood. */
export function normalizeImage(form: ImageForm): TaskImage {
  if (typeof form === 'string') return { type: 'docker-image', name: form };
  if ('in-tree' in form) return { type: 'in-tree', name: form['in-tree'] };
  if (form.type !== 'task-image') return form;
  const { taskId, ...rest } = form;
  if (typeof taskId === 'string') return { ...rest, taskId };
  return { ...rest, label: taskId['task-reference'].replace(/^<(.*)>$/, '$1') };
}

/** An image definition with its context as git names it: without `./` and trailing `/`. */
export function normalizeImageDefinition(image: ImageDefinition): ImageDefinition {
  return { ...image, context: posix.normalize(image.context).replace(/(.)\/$/, '$1') };
}

function normalizeArtifacts(artifacts: NonNullable<TaskPart['artifacts']>): PlannedTask['artifacts'] {
  return Object.fromEntries(
    Object.entries(artifacts).map(([name, { type, path, expires, optional: isOptional, contentType }]) => [
      name,
      {
        type,
        path,
        ...optional('expiresSeconds', secondsOf(expires)),
        optional: isOptional ?? false,
        ...optional('contentType', contentType),
      },
    ]),
  );
}

/** What is wrong with them has been said: an input has a task or a route. */
function normalizeInputs(inputs: TaskPart['inputs'] = {}): PlannedTask['inputs'] {
  return Object.fromEntries(
    Object.entries(inputs).map(([path, { task = '', namespace, artifact, optional: isOptional }]) => [
      path,
      {
        ...(namespace === undefined ? { task, artifact } : { namespace, artifact }),
        ...(isOptional ? { optional: true as const } : {}),
      },
    ]),
  );
}

function normalizeCaches(caches: TaskPart['cache'] = {}): PlannedTask['caches'] {
  const entries = Object.entries(caches).map(([name, form]) => {
    const { path, perImage = true } = typeof form === 'string' ? { path: form } : form;
    return [name, { path: posix.resolve(path), perImage }] as const;
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What is named with `false` is not asked for. */
function rightsOf({ features, capabilities }: TaskPart): PlannedTask['rights'] {
  return notEmpty<TaskRight>([
    ...(features?.['allowPtrace'] === true ? ['allowPtrace' as const] : []),
    ...(capabilities?.disableSeccomp === true ? ['disableSeccomp' as const] : []),
    ...(capabilities?.devices?.kvm === true ? ['kvm' as const] : []),
  ]);
}

function normalizeSecrets(secrets: TaskPart['secrets'] = []): PlannedTask['secrets'] {
  if (Array.isArray(secrets)) return notEmpty(secrets)?.map((name) => ({ name }));
  return notEmpty(
    Object.entries(secrets).map(([name, { env }]) => ({
      name,
      ...optional('env', env === true ? name : env),
    })),
  );
}

/** Each once; undefined when there is none. */
function notEmpty<T>(list: readonly T[] = []): T[] | undefined {
  return list.length === 0 ? undefined : [...new Set(list)];
}

function secondsOf(duration: number | string | undefined): number | undefined {
  return duration === undefined ? undefined : durationSeconds(duration);
}

function bytesOf(size: string | undefined): number | undefined {
  return size === undefined ? undefined : parseSizeBytes(size);
}

/** A member only if there is a value: payloads carry no undefined. */
function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
