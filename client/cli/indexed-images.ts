import { ConfigInvalid, NotFound, StackUnavailable } from '../../model/errors.ts';
import type { Level } from '../../model/pure/ids.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import type { IndexEntry } from '../../model/schema/records.ts';
import { mayWriteLevel } from '../../store/may-write.ts';
import { openStore } from '../../store/open-store.ts';
import type { OpenStore } from '../../store/open-store.ts';
import type { ImageKey, Store } from '../../store/store.ts';
import { readConnections, readLevelConnections } from '../../workers/connections.ts';
import type { InTreeArgs } from './describe-in-tree.ts';
import { describeInTree, ownerOf } from './describe-in-tree.ts';
import type { FoundStore } from './find-store.ts';
import { findStore } from './find-store.ts';
import { openRevision } from './open-revision.ts';
import { count } from './render/quantities.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/** One entry of an image in the index; the same image may have one at each level. */
export interface IndexedImage {
  readonly level: Level;
  readonly entry: IndexEntry;
}

export interface IndexedArgs extends InTreeArgs {
  readonly name: string;
  readonly hash?: string | undefined;
  readonly level?: number | undefined;
  readonly domain?: string | undefined;
}

/**
 * What the index has of one image: of the hash that begins so, else of the one that the checkout gives. Undefined when the
 * checkout has mistakes, which were told. @throws {NotFound} {UsageError} when there is none, or several.
 */
export async function findIndexed(
  args: IndexedArgs,
  session: Session,
): Promise<{ readonly key: ImageKey; readonly images: readonly IndexedImage[] } | undefined> {
  const found = await findStore(session);
  // Says what is missing, when nothing runs at all.
  if (!found.store) await readConnections(session.env);
  if (!found.store) throw new StackUnavailable(`The store cannot be asked: ${found.why}`);
  try {
    const wanted = await hashOf(args, { found, store: found.store }, session);
    if (!wanted) return undefined;
    const { domain, imageHash } = wanted;
    const { name } = args;
    const all = await entriesOf(found.store, domain, name);
    const images = all.filter(
      (image) => image.imageHash === imageHash && (args.level === undefined || image.level === args.level),
    );
    return { key: { domain, name, imageHash }, images };
  } finally {
    found.store.close();
  }
}

async function hashOf(
  args: IndexedArgs,
  { found, store }: { readonly found: FoundStore; readonly store: Store },
  session: Session,
): Promise<{ readonly domain: string; readonly imageHash: string } | undefined> {
  const { name, hash } = args;
  if (hash === undefined) {
    const described = await describeInTree(args, [name], found, session);
    if (!described) return undefined;
    const imageHash = described.images.find((image) => image.name === name)?.imageHash;
    if (!imageHash)
      throw new NotFound(
        `The hash of image ${name} is not known, since a base has no record: name it by --hash`,
      );
    return { domain: args.domain ?? described.owner.domain, imageHash };
  }
  const domain = args.domain ?? (await ownerOf(args, await openRevision(args, session), found)).domain;
  const entries = await entriesOf(store, domain, name);
  const [first, ...others] = new Set(
    entries.map(({ imageHash }) => imageHash).filter((imageHash) => imageHash.startsWith(hash)),
  );
  if (first === undefined)
    throw new NotFound(`Trust domain ${domain} has no image ${name} whose hash begins with ${hash}`);
  if (others.length > 0)
    throw new UsageError(`${hash} is the beginning of ${count(others.length + 1, 'hash')}: write more of it`);
  return { domain, imageHash: first };
}

/** Of exactly this domain, at every level. */
async function entriesOf(
  store: Store,
  domain: string,
  name: string,
): Promise<readonly (IndexedImage & { readonly imageHash: string })[]> {
  const entries: (IndexedImage & { readonly imageHash: string })[] = [];
  for await (const { key, level, entry } of store.index.list(domain, LEVELS[0] ?? 1, name))
    if (key.domain === domain) entries.push({ imageHash: key.imageHash, level, entry });
  return entries;
}

/** Stores with the keys of levels, tried out. @throws {ConfigInvalid} when there is a level whose keys are not here. */
export async function openLevels(
  levels: readonly Level[],
  { env, signal }: Pick<Session, 'env' | 'signal'>,
): Promise<Disposable & { of(level: Level): OpenStore }> {
  const stores = new Map<Level, OpenStore>();
  const close = (): void => {
    for (const store of stores.values()) store.close();
  };
  try {
    for (const level of levels) {
      const store = openStore((await readLevelConnections(env, level)).store);
      stores.set(level, store);
      if (!(await mayWriteLevel(store.objects, level, signal)))
        throw new ConfigInvalid(
          `The keys that are here may not write at level ${level}. Where the workers of level ${level} have theirs it can be done; --level chooses among several`,
        );
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    of(level) {
      const store = stores.get(level);
      if (!store) throw new RangeError(`Level ${level} was not opened`);
      return store;
    },
    [Symbol.dispose]: close,
  };
}
