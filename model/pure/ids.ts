/**
 * The legible ids of pushes, tasks and images, and everything that is derived from one: store keys,
 * container names, queue names. No other file glues these together.
 */

/** Trust of a push: 1 is anyone (try), 3 is release. */
export type Level = 1 | 2 | 3;

export const LEVELS: readonly Level[] = [1, 2, 3];

/** What a project or image name looks like. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** What a task label looks like; at most {@link LABEL_MAX_LENGTH} characters. */
export const LABEL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._+-]*(\/[A-Za-z0-9][A-Za-z0-9._+-]*)*$/;
export const LABEL_MAX_LENGTH = 200;

/** What a route looks like; at most {@link NAMESPACE_MAX_LENGTH} characters. */
export const NAMESPACE_PATTERN = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
export const NAMESPACE_MAX_LENGTH = 200;

/** A full commit id, SHA-1 or SHA-256, in lower case hex. */
export const REVISION_PATTERN = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** An OCI digest of stored bytes. Slipway uses sha256 only. */
export type Digest = `sha256:${string}`;

export const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

export interface PushCoordinates {
  readonly project: string;
  readonly level: Level;
  readonly revision: string;
  /** First 12 hex digits of the hash of what was asked beyond the default; see `variantOf`. */
  readonly variant?: string | undefined;
}

export interface ImageCoordinates {
  /** Trust domain whose projects share the image. */
  readonly domain: string;
  readonly level: Level;
  readonly name: string;
  readonly imageHash: string;
}

/** `push/<project>/<level>/<revision>[~<variant>]`: the workflow id of a push. */
export function pushId(push: PushCoordinates): string {
  return `push/${push.project}/${push.level}/${revisionPart(push)}`;
}

/** `task/<project>/<level>/<revision>[~<variant>]/<label>`: the workflow id of a task and its taskId. */
export function taskId(push: PushCoordinates, label: string): string {
  return `task/${push.project}/${push.level}/${revisionPart(push)}/${label}`;
}

/** The id of a task of a push, from the push's id. */
export function taskIdIn(push: string, label: string): string {
  const parsed = parseId(push);
  if (parsed?.kind !== 'push') throw new TypeError(`Not a push: ${push}`);
  return taskId(parsed, label);
}

/** `image/<domain>/<level>/<name>/<imageHash>`: the workflow id of an image and its taskId. */
export function imageTaskId(image: ImageCoordinates): string {
  return `image/${image.domain}/${image.level}/${image.name}/${image.imageHash}`;
}

export type ParsedId =
  | ({ readonly kind: 'push' } & PushCoordinates)
  | ({ readonly kind: 'task'; readonly label: string } & PushCoordinates)
  | ({ readonly kind: 'image' } & ImageCoordinates);

/** Takes an id apart, or gives undefined when it is none of ours. The inverse of the three functions above. */
export function parseId(id: string): ParsedId | undefined {
  const [kind, owner, levelText, fourth, ...rest] = id.split('/');
  const level = Number(levelText) as Level;
  if (!owner || !fourth || !LEVELS.includes(level)) return undefined;
  if (kind === 'image') {
    const [imageHash, ...more] = rest;
    if (!imageHash || more.length > 0) return undefined;
    return { kind, domain: owner, level, name: fourth, imageHash };
  }
  const [revision, variant] = fourth.split('~');
  if (!revision) return undefined;
  const push = { project: owner, level, revision, ...(variant ? { variant } : {}) };
  if (kind === 'push') return rest.length === 0 ? { kind, ...push } : undefined;
  if (kind === 'task') return rest.length > 0 ? { kind, ...push, label: rest.join('/') } : undefined;
  return undefined;
}

/**
 * The part of a store key that stands for a push, task or image below `level-<L>/`. Every segment stays below
 * 255 bytes (stores over a directory need that), and no key is the directory of another: a label's `/` becomes `~`.
 */
export function storeKey(id: string): string {
  const parsed = parseId(id);
  if (!parsed) throw new TypeError(`Not an id of a push, task or image: ${id}`);
  switch (parsed.kind) {
    case 'push':
      return `${parsed.project}/${revisionPart(parsed)}`;
    case 'task':
      return `task/${parsed.project}/${revisionPart(parsed)}/${parsed.label.replaceAll('/', '~')}`;
    case 'image':
      return `image/${parsed.domain}/${parsed.name}/${parsed.imageHash}`;
  }
}

/** The level that an id carries. */
export function levelOf(id: string): Level {
  const parsed = parseId(id);
  if (!parsed) throw new TypeError(`Not an id of a push, task or image: ${id}`);
  return parsed.level;
}

/** The queue kinds that any worker of a level may poll. */
export type QueueKind = 'control' | 'builder' | 'runner' | 'runner-dind';

/** `<kind>-<level>`: the task queue shared by all workers of a kind and level. */
export function queueName(kind: QueueKind, level: Level): string {
  return `${kind}-${level}`;
}

/** `runner-<level>@<engineId>`: the task queue of one engine, polled by whoever stands beside that engine. */
export function engineQueueName(level: Level, engineId: string): string {
  return `runner-${level}@${engineId}`;
}

function revisionPart(push: PushCoordinates): string {
  return push.variant ? `${push.revision}~${push.variant}` : push.revision;
}
