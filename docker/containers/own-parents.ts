import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { tarEnd } from '../../model/gnu-tar.ts';
import { statPath } from './archive-path.ts';
import { withBareContainer } from './bare-container.ts';
import type { Owner } from './image-user.ts';
import { DIRECTORY_MODE, findExisting, madeDirectories, namesIn } from './put-archive.ts';
import { sendTar } from './send-tar.ts';

/** Where a directory of an image is as far as it is there, symlinks followed, and the names below that are not. */
interface Lack {
  readonly existing: string;
  readonly missing: readonly string[];
}

/** By image and directory, which say it for good. */
export type KnownParents = Map<string, Lack>;

export interface OwnParentsOptions {
  readonly owner: Owner;
  readonly signal: AbortSignal;
}

/**
 * Has the directories above mounted paths belong to an owner, where the engine makes them since the image has none there; what the image
 * has stays as it is. Which these are, only a container of the image without the mounts tells: to look into the other one makes them.
 * @throws {PathUnusable} when something else is where a directory is needed.
 */
export async function ownParents(
  docker: Docker,
  name: string,
  paths: readonly string[],
  { owner, signal, known }: OwnParentsOptions & { readonly known: KnownParents },
): Promise<void> {
  const parents = [...new Set(paths.map((path) => posix.dirname(path)))].filter((path) => path !== '/');
  if (parents.length === 0) return;
  const container = docker.getContainer(name);
  const found = await container.inspect();
  const keyOf = (parent: string): string => `${found.Image} ${parent}`;
  const unknown = parents.filter((parent) => !known.has(keyOf(parent)));
  if (unknown.length > 0)
    // By its labels it is the same run's.
    await withBareContainer(
      docker,
      { image: found.Config.Image, labels: found.Config.Labels, signal },
      async (bare) => {
        for (const parent of unknown) known.set(keyOf(parent), await lackOf(bare, parent, signal));
      },
    );
  for (const parent of parents) {
    const { existing, missing } = known.get(keyOf(parent)) ?? NOTHING;
    if (missing.length === 0) continue;
    const names = [...namesIn(existing), ...missing];
    const tar = Buffer.concat([
      ...madeDirectories({ names, made: missing.length, mode: DIRECTORY_MODE, owner }),
    ]);
    const out = Readable.from([tar, tarEnd(tar.length)], { objectMode: false });
    await sendTar(container, '/', { out, fill: () => Promise.resolve(), signal });
  }
}

const NOTHING: Lack = { existing: '/', missing: [] };

/** Nothing is lacking that a symlink stands for which leads nowhere: the engine makes what it leads to, and the link is the image's. */
async function lackOf(bare: Docker.Container, parent: string, signal: AbortSignal): Promise<Lack> {
  const { existing, missing } = await findExisting(bare, parent, signal);
  const [first] = missing;
  if (first !== undefined && (await statPath(bare, posix.join(existing, first), signal))) return NOTHING;
  return { existing, missing };
}
