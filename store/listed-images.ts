import { mapConcurrently } from '../model/concurrently.ts';
import type { Level } from '../model/pure/ids.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import { indexEntrySchema } from '../model/schema/records.ts';
import { readUsableJson } from './json-object.ts';
import { encodeSegment, imagesPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import { readablePlaces } from './readable-domains.ts';
import type { ImageKey } from './store.ts';

/** Clocks that differ by more are refused by S3: by the store's, no entry was written so long before it was created. */
const CLOCKS_DIFFER_MS = 15 * 60_000;

/** So many entries are read at first, then twice as many each time: few for who takes the newest, in few rounds for who takes all. */
const FIRST_READ = 4;

/** Names of which the newest is looked for at once. */
const NAMES_AT_ONCE = 4;

export interface ListedImage {
  readonly key: ImageKey;
  readonly level: Level;
  readonly entry: IndexEntry;
}

interface Where {
  readonly domain: string;
  readonly level: Level;
  readonly name?: string | undefined;
}

/** What a listing tells of an entry. */
interface Unread extends Omit<ListedImage, 'entry'> {
  readonly storeKey: string;
  /** Its place in the listing: that of the highest level and the most trusted domain comes first. */
  readonly place: number;
  readonly writtenMs: number;
}

interface Read extends ListedImage, Pick<Unread, 'place'> {
  readonly createdMs: number;
}

/** The entries that a level may read, newest first; of those that were created at once, in the order of the listing. */
export async function* listImages(objects: ObjectStore, where: Where): AsyncGenerator<ListedImage, void> {
  yield* newestFirst(objects, await listEntries(objects, where));
}

/** Of each name the one that {@link listImages} gives first. */
export async function newestOfEachName(
  objects: ObjectStore,
  where: Omit<Where, 'name'>,
): Promise<readonly ListedImage[]> {
  const byName = Map.groupBy(await listEntries(objects, where), ({ key }) => key.name);
  const newestOf = async (entries: readonly Unread[]): Promise<ListedImage | undefined> => {
    for await (const newest of newestFirst(objects, entries)) return newest;
    return undefined;
  };
  const newest = await mapConcurrently(byName.values(), newestOf, NAMES_AT_ONCE);
  return newest.filter((image) => image !== undefined);
}

async function listEntries(objects: ObjectStore, { domain, level, name }: Where): Promise<readonly Unread[]> {
  const entries: Unread[] = [];
  for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
    const root = imagesPrefix(readDomain, readLevel);
    const prefix = root + (name === undefined ? '' : `${encodeSegment(name)}/`);
    for await (const { key: storeKey, lastModified } of objects.list(prefix)) {
      const [ownName = '', imageHash = ''] = storeKey.slice(root.length).split('/');
      const key = { domain: readDomain, name: ownName, imageHash };
      const place = entries.length;
      entries.push({ storeKey, key, level: readLevel, place, writtenMs: lastModified.getTime() });
    }
  }
  return entries;
}

/**
 * Reads no more than it takes to know what comes next. An entry is written after it is created, and again when it is used: so none of
 * those that were last written before a moment was created after it.
 */
async function* newestFirst(
  objects: ObjectStore,
  entries: readonly Unread[],
): AsyncGenerator<ListedImage, void> {
  const unread = entries.toSorted((a, b) => b.writtenMs - a.writtenMs);
  let read: readonly Read[] = [];
  for (let width = FIRST_READ; unread.length > 0; width *= 2) {
    const more = await mapConcurrently(unread.splice(0, width), (entry) => readEntry(objects, entry));
    const known = [...read, ...more.filter((image) => image !== undefined)];
    const newestUnreadMs = unread[0] ? unread[0].writtenMs + CLOCKS_DIFFER_MS : -Infinity;
    const sorted = known.sort((a, b) => b.createdMs - a.createdMs || a.place - b.place);
    const settled = sorted.filter(({ createdMs }) => createdMs > newestUnreadMs);
    for (const { key, level, entry } of settled) yield { key, level, entry };
    read = sorted.slice(settled.length);
  }
}

async function readEntry(
  objects: ObjectStore,
  { storeKey, key, level, place }: Unread,
): Promise<Read | undefined> {
  const entry = await readUsableJson(objects, storeKey, indexEntrySchema);
  if (!entry || entry.retired !== undefined) return undefined;
  return { key, level, entry, place, createdMs: Date.parse(entry.created) };
}
