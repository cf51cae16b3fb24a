import { posix } from 'node:path';
import type { Digest } from '../../model/pure/ids.ts';

const PATH_MAX_LENGTH = 4096;

/** A path inside a tar in its one form, without `./`. @throws {TypeError} when it leads out of the tar. */
export function toArchivePath(path: string, relativeTo = ''): string {
  const normal = posix.normalize(posix.join(relativeTo, path)).replace(/\/$/, '');
  if (path.length > PATH_MAX_LENGTH) throw new TypeError('it has a path that is too long');
  if (
    path === '' ||
    path.startsWith('/') ||
    path.includes('\0') ||
    normal === '..' ||
    normal.startsWith('../')
  )
    throw new TypeError(`a path leads out of the tar: ${JSON.stringify(path.slice(0, 200))}`);
  return normal;
}

/** Where an OCI layout keeps a blob. */
export function blobPathOf(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}
