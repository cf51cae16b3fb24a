import { createHash } from 'node:crypto';
import type { CacheMount } from '../model/cache-mount.ts';
import { InternalError } from '../model/errors.ts';
import type { Digest, Level, PushCoordinates } from '../model/pure/ids.ts';
import { levelOf, storeKey } from '../model/pure/ids.ts';
import { runsPrefix } from '../model/pure/record-keys.ts';

export { pushKey, runsPrefix, taskKey } from '../model/pure/record-keys.ts';

/** The store's layout: every key is made here, or in that file. No key is the directory of another, since some stores sit on a file system. */

/** Longest name of a file or directory where a store sits on a file system. */
const SEGMENT_MAX_BYTES = 255;
/** S3's own limit. */
const KEY_MAX_BYTES = 1024;

export const UPLOADS_PREFIX = 'uploads/';
/** Where it is tried out what a server keeps. */
export const PROBES_PREFIX = `${UPLOADS_PREFIX}probe-`;

export const BLOBS_PREFIX = 'blobs/sha256/';
export const LEASES_PREFIX = 'blobs/leases/';
/** Who collects the store at present, and which blobs are being taken away at this moment. */
export const COLLECTION_KEY = 'blobs/collection.json';

/** Whether a key is one of these: a bucket may hold what is others', too. */
export function isOfLayout(key: string): boolean {
  return /^(blobs|uploads|level-\d+)\//.test(key);
}

export function blobKey(digest: Digest): string {
  return `${BLOBS_PREFIX}${digest.slice('sha256:'.length)}`;
}

/** A blob that somebody has found and is going to name; as old as that. */
export function leaseKey(digest: Digest): string {
  return LEASES_PREFIX + digest.slice('sha256:'.length);
}

export function uploadKey(session: string): string {
  return `${UPLOADS_PREFIX}${session}`;
}

export function probeKey(id: string): string {
  return PROBES_PREFIX + id;
}

/** Where it is tried out whether a level may be written. */
export function levelProbeKey(level: Level): string {
  return `level-${level}/probe`;
}

/** Which platform the images of a level have that name none. */
export function platformKey(level: Level): string {
  return `level-${level}/platform.json`;
}

export function runKey(taskId: string, run: number): string {
  return runsPrefix(taskId) + run;
}

export function artifactsPrefix(taskId: string, run: number): string {
  return `${runKey(taskId, run)}/artifacts/`;
}

export function savedKey(taskId: string, run: number): string {
  return `${runKey(taskId, run)}/saved.json`;
}

export function artifactKey(taskId: string, run: number, name: string): string {
  return artifactsPrefix(taskId, run) + name.split('/').map(encodeSegment).join('/');
}

export function logPrefix(taskId: string, run: number): string {
  return `${runKey(taskId, run)}/log/`;
}

export function logChunkKey(taskId: string, run: number, seq: number): string {
  return logPrefix(taskId, run) + String(seq).padStart(8, '0');
}

/** A plan of a push that was planned anew since. */
export function formerPlanKey(pushId: string, plannedAt: string): string {
  return `level-${levelOf(pushId)}/pushes/${storeKey(pushId)}/plans/${encodeSegment(plannedAt)}/plan.json`;
}

/** Where the records lie of pushes whose revision and variant begin so. */
export function pushesPrefix({ project, level, revision, variant }: PushCoordinates): string {
  const name = variant ? `${revision}~${variant}` : revision;
  return `${levelPrefix(level, 'pushes')}${project}/${name}`;
}

/** Where a level keeps pushes, tasks, index, layers and holders; the collector walks them. */
export function levelPrefix(level: Level, part: 'pushes' | 'tasks' | 'index' | 'layers' | 'holders'): string {
  return `level-${level}/${part}/`;
}

/** Engines of a level that have an image, an object each; as old as the last load there. */
export function holdersPrefix(level: Level, manifestDigest: Digest): string {
  return `${levelPrefix(level, 'holders')}${manifestDigest.slice('sha256:'.length)}/`;
}

export function openPushesPrefix(level: Level): string {
  return `level-${level}/open-pushes/`;
}

/** One segment, since pushes of one project lie beside those of another. */
export function openPushKey(pushId: string): string {
  return openPushesPrefix(levelOf(pushId)) + storeKey(pushId).replace('/', '~');
}

export function pushesByDayPrefix(level: Level): string {
  return `level-${level}/pushes-by-day/`;
}

export function imagesPrefix(domain: string, level: Level): string {
  return `level-${level}/index/${encodeSegment(domain)}/images/`;
}

export function baseKey(
  domain: string,
  level: Level,
  base: { readonly platform: string; readonly reference: string },
): string {
  return `level-${level}/index/${encodeSegment(domain)}/bases/${encodeSegment(base.platform)}/${encodeSegment(base.reference)}`;
}

export function routeKey(domain: string, level: Level, namespace: string): string {
  return `level-${level}/index/${encodeSegment(domain)}/routes/${encodeSegment(namespace)}`;
}

export function tarballKey(
  domain: string,
  level: Level,
  tarball: {
    readonly sha256: string;
    readonly name?: string | undefined;
    readonly platform?: string | undefined;
  },
): string {
  const platform = tarball.platform === undefined ? '' : `${encodeSegment(tarball.platform)}/`;
  const name = tarball.name === undefined ? '' : `~${encodeSegment(tarball.name).slice(0, 180)}`;
  return `level-${level}/index/${encodeSegment(domain)}/tarballs/${platform}${encodeSegment(tarball.sha256)}${name}`;
}

/** Where lies what a cache mount of a platform held. */
export function mountKey(domain: string, level: Level, platform: string, mount: CacheMount): string {
  const { namespace = '', id, uid = '', gid = '', mode = '' } = mount;
  const parts = [id, namespace, uid, gid, mode].map((part) =>
    encodeURIComponent(part).replaceAll('~', '%7E'),
  );
  const name = parts.join('~').replace(/~+$/, '');
  return `level-${level}/index/${encodeSegment(domain)}/mounts/${encodeSegment(platform)}/${encodeSegment(name)}`;
}

/** Where the last resolution of a base lies that is resolved by each push; beside the one that others have pinned. */
export function trackedBaseKey(
  domain: string,
  level: Level,
  base: { readonly platform: string; readonly reference: string },
): string {
  return `level-${level}/index/${encodeSegment(domain)}/bases/${encodeSegment(base.platform)}~tracked/${encodeSegment(base.reference)}`;
}

/** A blob that a trust domain of a level has sent. Beside the layers, since it lives as long and is read as they are. */
export function sentBlobKey(domain: string, level: Level, digest: Digest): string {
  return `level-${level}/layers/${encodeSegment(domain)}/sent/${digest.slice('sha256:'.length)}`;
}

/** Where the layers of a tarball are noted that were stored before all of it was. */
export function sentLayersPrefix(domain: string, level: Level, sha256: string): string {
  return `level-${level}/layers/${encodeSegment(domain)}/of-tarballs/${encodeSegment(sha256)}/`;
}

export function layerKey(domain: string, level: Level, diffId: string): string {
  return `level-${level}/layers/${encodeSegment(domain)}/${encodeSegment(diffId)}`;
}

/**
 * One segment of a key for any text: percent-encoded where it must be, and cut and hashed when it would be too long
 * for a file name. Different texts give different segments.
 */
export function encodeSegment(text: string): string {
  const encoded = text === '.' || text === '..' ? text.replaceAll('.', '%2E') : encodeURIComponent(text);
  if (encoded.length <= 200) return encoded;
  return `${encoded.slice(0, 150)}%~${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

/** S3 keeps 2 KB of metadata with an object, and other members than the name stand there too. */
const ENCODED_NAME_MAX_BYTES = 1_800;

/** Whether an artifact's name is so short that every store can hold it, in the key and in the metadata; those that a plan declares are. */
export function isArtifactNameShort(taskId: string, run: number, name: string): boolean {
  if (encodeURIComponent(name).length > ENCODED_NAME_MAX_BYTES) return false;
  return Buffer.byteLength(artifactKey(taskId, run, name)) <= KEY_MAX_BYTES;
}

/**
 * Refuses keys that a store over a file system would take for another key (`a/../b`, `a//b`) or that do not survive a listing.
 *
 * @throws {InternalError}
 */
export function checkKey(key: string): void {
  const segments = key.split('/');
  const odd = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  const long = segments.some((segment) => Buffer.byteLength(segment) > SEGMENT_MAX_BYTES);
  // Control characters are not allowed in the XML of a listing.
  if (!odd && !long && !/[\u0000-\u001f\u007f]/.test(key) && Buffer.byteLength(key) <= KEY_MAX_BYTES) return;
  throw new InternalError(`Not a key that every store can hold: ${JSON.stringify(key)}`);
}
