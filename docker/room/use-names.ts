import { createHash } from 'node:crypto';
import { isOwnName, OWN_HOST, ownReference } from '../../model/engine-names.ts';
import { REPOSITORY } from '../endpoint/transfer.ts';

const USED = `${OWN_HOST}/used`;
const HELD = `${OWN_HOST}/held`;
const PULLED = `${OWN_HOST}/pulled`;
const LOADING = ownReference('loading-');
/** So long a hold counts that nobody lifts or renews: its worker is dead, and a container would have come long ago. */
const HOLD_MS = 60 * 60_000;
const ENDPOINT = new RegExp(`^127\\.0\\.0\\.1:\\d+/${REPOSITORY}[:@]`);
const PATTERN = new RegExp(`^(?:${USED}|${HELD}):(\\d+)-([0-9a-z]+)$`);

/** Names by which an image goes; an image without any has none. */
export function namesOf({ RepoTags: tags }: { readonly RepoTags?: readonly string[] | null }): string[] {
  return (tags ?? []).filter((name) => !name.startsWith('<none>'));
}

/** An image was used at that time; said in the engine itself, by a name, so that every process that shares it knows. */
export function usedName(imageId: string, nowMs: number): string {
  return `${USED}:${seconds(nowMs)}-${imageId.replace('sha256:', '').slice(0, 12)}`;
}

/** An image is about to be used by `holder`, lower case letters and digits, and must stay until {@link isHeldBy} names are removed. */
export function heldName(holder: string, nowMs: number): string {
  return `${HELD}:${seconds(nowMs)}-${holder}`;
}

/** Slipway has pulled an image from outside under that name, and nobody had it before. */
export function pulledName(name: string): string {
  return `${PULLED}:${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** Whether a name tells of use, or of where an image came from; such a name is no reason to keep an image. */
export function isUseName(name: string): boolean {
  return PATTERN.test(name) || name.startsWith(`${PULLED}:`);
}

/** Whether an image with such names and digests is Slipway's alone: what it gave it, or has pulled it under. One without any is nobody's. */
export function isOwnImage({
  RepoTags: tags,
  RepoDigests: digests,
}: {
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
}): boolean {
  const names = namesOf({ RepoTags: tags });
  const all = [...names, ...namesOf({ RepoTags: digests })];
  return names.some(isOwnName) && all.every((name) => isOwnOrPassing(name) || isPulled(name, names));
}

/** Whether an image with these names was pulled under that one. */
export function isPulled(name: string, names: readonly string[]): boolean {
  return names.includes(pulledName(name));
}

export function isOwnOrPassing(name: string): boolean {
  return isOwnName(name) || isEndpointName(name);
}

export function isHeldBy(name: string, holder: string): boolean {
  return name.startsWith(`${HELD}:`) && PATTERN.exec(name)?.[2] === holder;
}

/** When an image with these names was last used, in milliseconds since 1970; undefined when none tells. */
export function lastUseOf(names: readonly string[]): number | undefined {
  const times = names.flatMap((name) => {
    const match = PATTERN.exec(name);
    return match ? [Number(match[1]) * 1000] : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Whether one of these names is a hold that still counts. */
export function isHeld(names: readonly string[], nowMs: number): boolean {
  return names.some(
    (name) => name.startsWith(`${HELD}:`) && nowMs - (lastUseOf([name]) ?? -Infinity) < HOLD_MS,
  );
}

/** The mark of an earlier use, or a hold that counts no more: whoever says that an image is used takes it away. */
export function isPast(name: string, nowMs: number): boolean {
  if (name.startsWith(`${HELD}:`)) return PATTERN.test(name) && !isHeld([name], nowMs);
  return name.startsWith(`${USED}:`) && PATTERN.test(name);
}

/** Names that a build or a transfer under way has given, and takes away at its end. */
export function isTemporaryName(name: string): boolean {
  return isTransferName(name) || /^slipway\.invalid\/(?:build:|parent:)/.test(name);
}

/** A name that a push, a pull or the tar of a load has given. */
export function isTransferName(name: string): boolean {
  return isEndpointName(name) || name.startsWith(LOADING);
}

/** What an image is called that comes as a tar, until it has been found by that. */
export function loadingName(id: string): string {
  return LOADING + id;
}

/** A name by which an engine pushes into our endpoint, or pulls from it. */
export function isEndpointName(name: string): boolean {
  return ENDPOINT.test(name);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
