import { stat } from 'node:fs/promises';
import { isSlipwayError, NotFound, StackUnavailable } from '../../model/errors.ts';
import { DIGEST_PATTERN, LEVELS, NAME_PATTERN, parseId } from '../../model/pure/ids.ts';
import { TARBALL_NAME } from '../../model/pure/tarball-name.ts';
import type { OpenStore } from '../../store/open-store.ts';
import {
  findByDigest,
  findByHash,
  findImageOfTask,
  findImagesOfPush,
  findImageTaskRanIn,
  inTree,
} from '../find-images.ts';
import type { FoundImage, FoundImages } from '../find-images.ts';
import { resolvePushName } from '../names.ts';
import type { InTreeArgs } from './describe-in-tree.ts';
import { describeInTree, ownerOf } from './describe-in-tree.ts';
import type { FoundStore } from './find-store.ts';
import type { OpenRevision } from './open-revision.ts';
import { openIfAny } from './open-revision.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

export interface NamedImageArgs extends Omit<InTreeArgs, 'worktree'> {
  /** One of a push that has several. */
  readonly image?: string | undefined;
  /** The one that is meant of several, where nothing says it. */
  readonly likely?: string | undefined;
}

const SHORTEST_HASH = 4;

/** Whether a person means a file (or `-`, what is piped in) and not something in the store: a file is told by the end of its name. */
export async function isTarball(what: string): Promise<boolean> {
  if (what === '-') return true;
  if (parseId(what) || !(what.includes('/') || TARBALL_NAME.test(what))) return false;
  if ((await stat(what).catch(() => undefined))?.isFile()) return true;
  if (TARBALL_NAME.test(what)) throw new NotFound(`There is no file ${what}`);
  return false;
}

/**
 * The images that a person means: the name of one in this checkout (that of its current hash), a task (the image that it ran
 * in, or that it built), a push (all of its images that are there, or one), an image hash or a beginning of it, a manifest's digest.
 * @throws {NotFound} saying what would be. @throws {StackUnavailable}
 */
export async function findImages(
  what: string,
  args: NamedImageArgs,
  { found, session }: { readonly found: FoundStore; readonly session: Session },
): Promise<FoundImages> {
  const { store } = found;
  if (what === '') throw new UsageError('Name an image, a task, a push or a hash');
  if (!store)
    throw new StackUnavailable(`"${what}" is looked for in the store, but ${found.why}. Type: slipway up`);
  switch (parseId(what)?.kind) {
    case 'image':
      return whole([await findImageOfTask(store, what)]);
    case 'task':
      return whole([await findImageTaskRanIn(store, what)]);
    case 'push':
      return findImagesOfPush(store, await resolvePushName(store, what), args.image ?? args.likely);
    case undefined:
      break;
  }
  if (DIGEST_PATTERN.test(what)) return whole([await findByDigest(store, what)]);
  const opened = await openIfAny(args, session);
  if (opened && (await definesImage(what, opened, session)))
    return whole([await findInCheckout(what, args, { found, session })]);
  const owners = opened ? [(await ownerOf(args, opened, found)).domain] : [];
  const inIndex = await findInIndex(what, args, { store, found, owners });
  if (inIndex.length > 0) return whole(inIndex);
  return findImagesOfPush(store, await findPush(what, store), args.image ?? args.likely);
}

/** The same for one image. @throws {UsageError} when it names several. */
export async function findOneImage(
  what: string,
  args: NamedImageArgs,
  where: { readonly found: FoundStore; readonly session: Session },
): Promise<FoundImage> {
  const { images, missing } = await findImages(what, args, where);
  const [image] = images;
  if (!image) throw new NotFound(`There is no image "${what}"`);
  const named = [...images, ...missing].map(({ name }) => name);
  if (named.length > 1)
    throw new UsageError(`"${what}" names ${named.length} images: choose by --image ${named.join('|')}`);
  return image;
}

function whole(images: readonly FoundImage[]): FoundImages {
  return { images, missing: [] };
}

async function definesImage(name: string, { tree }: OpenRevision, { signal }: Session): Promise<boolean> {
  if (!NAME_PATTERN.test(name)) return false;
  const [{ parseSlipwayYml }, { CONFIG_FILE, readConfigFile }] = await Promise.all([
    import('../../plan/parse-slipway-yml.ts'),
    import('../../steps/config-file.ts'),
  ]);
  const { config } = parseSlipwayYml(await readConfigFile(tree, signal), { file: CONFIG_FILE });
  return config?.images[name] !== undefined;
}

async function findInCheckout(
  name: string,
  args: NamedImageArgs,
  { found, session }: { readonly found: FoundStore; readonly session: Session },
): Promise<FoundImage> {
  const described = await describeInTree(args, [name], found, session);
  const image = described?.images.find((other) => other.name === name);
  if (!described || !image) throw new UsageError(`The definition of image ${name} has mistakes`);
  const { imageHash, missingBases } = image;
  const { domain, level } = described.owner;
  const otherwise = `Push it, or type: slipway image build ${name}`;
  if (imageHash === null) {
    const bases = missingBases.join(', ') || 'a base of its parent';
    throw new NotFound(`The hash of image ${name} is not known: ${bases} has no record yet. ${otherwise}`);
  }
  const entry = (await found.store?.index.find({ domain, name, imageHash }, level))?.entry;
  if (!entry)
    throw new NotFound(
      `Image ${name} was not built as it is now (${imageHash.slice(0, 12)}, trust domain ${domain}, level ${level}). ${otherwise}`,
    );
  return inTree({ name, imageHash }, entry, entry.taskId);
}

/** By an image hash or its beginning, in the domains of the configuration and of this checkout. */
async function findInIndex(
  what: string,
  { image: name, likely }: NamedImageArgs,
  where: { readonly store: OpenStore; readonly found: FoundStore; readonly owners: readonly string[] },
): Promise<readonly FoundImage[]> {
  if (!/^[0-9a-f]+$/.test(what) || what.length < SHORTEST_HASH) return [];
  const { projects } = where.found.config;
  const named = Object.entries(projects).map(([project, { trustDomain }]) => trustDomain ?? project);
  const domains = [...new Set([...where.owners, ...named])];
  const within = { domains, level: LEVELS[0] ?? 1 };
  const images = await findByHash(where.store, what, { ...within, name: name ?? likely });
  if (images.length > 0 || name !== undefined || likely === undefined) return images;
  return findByHash(where.store, what, within);
}

async function findPush(what: string, store: OpenStore): Promise<string> {
  try {
    return await resolvePushName(store, what);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
    throw new NotFound(
      `${error.message}, and no image of this checkout or in the index; slipway image list shows those that there are`,
      { cause: error },
    );
  }
}
