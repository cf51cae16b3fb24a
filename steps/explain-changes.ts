import type { DescribedImage } from '../images/describe-images.ts';
import { FIRST_RECIPE, RECIPE } from '../images/image-hash.ts';
import { compareContexts } from '../images/compare-contexts.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ContextList, ImageChange, ParentChange } from '../model/schema/explanation.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { SourceTree } from '../model/source-tree.ts';
import type { Store } from '../store/store.ts';
import { countLines } from './compare-content.ts';
import { readContextList } from './context-list.ts';

/** Files that are named, and those whose lines are counted: a plan is read again and again, and its size is the tree's to choose. */
const NAMED_FILES = 100;
const COUNTED_FILES = 20;

export interface ExplainDeps {
  readonly store: Pick<Store, 'artifacts' | 'index'>;
  readonly domain: string;
  readonly level: Level;
  /** Where contents are looked for, the first one first. */
  readonly trees: readonly Pick<SourceTree, 'readMany'>[];
  /** All images of the revision, for what is to be said about parents. */
  readonly described: ReadonlyMap<string, DescribedImage>;
  /** When a base was resolved to what it is now. */
  readonly resolved: (reference: string) => string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Says in what an image differs from one that was built, and why its parent does, as far down as is known. */
export async function explainChanges(
  deps: ExplainDeps,
  entry: IndexEntry,
  image: DescribedImage,
): Promise<ImageChange[]> {
  const { inputs: before } = entry;
  const { inputs: after } = image;
  const list = await readContextList(deps.store, entry);
  const changes: ImageChange[] = [
    ...(await contextChanges(deps, { before, after, list, image })),
    ...argumentChanges(before, after),
    ...(await parentChanges(deps, { before, list, image })),
    ...baseChanges(before, after, { resolved: deps.resolved, missing: image.missingBases }),
    ...platformChanges(before, after),
    ...((entry.recipe ?? FIRST_RECIPE) === RECIPE ? [] : [{ kind: 'recipe' as const }]),
  ];
  return changes.length > 0 ? changes : [{ kind: 'recipe' }];
}

async function contextChanges(
  { trees, signal }: ExplainDeps,
  {
    before,
    after,
    list,
    image,
  }: {
    readonly before: ImageInputs;
    readonly after: ImageInputs;
    readonly list: ContextList | undefined;
    readonly image: DescribedImage;
  },
): Promise<ImageChange[]> {
  if (before.contextHash === after.contextHash) return [];
  const all = list ? compareContexts(list.files, await image.files()) : [];
  if (all.length === 0) {
    // An argument that is substituted in the Dockerfile changes its bytes too, and is named by itself.
    const byArgument = list !== undefined && argumentChanges(before, after).length > 0;
    return byArgument ? [] : [{ kind: 'context' }];
  }
  const files = [];
  for (const [at, change] of all.slice(0, NAMED_FILES).entries())
    files.push(
      at < COUNTED_FILES && change.what !== 'mode' ? await countLines(trees, change, signal) : change,
    );
  return [{ kind: 'files', files, count: all.length }];
}

function argumentChanges({ args: before }: ImageInputs, { args: after }: ImageInputs): ImageChange[] {
  return changedKeys(before, after).map((name) => ({
    kind: 'argument',
    name,
    ...(before[name] === undefined ? {} : { before: before[name] }),
    ...(after[name] === undefined ? {} : { after: after[name] }),
  }));
}

async function parentChanges(
  deps: ExplainDeps,
  {
    before,
    list,
    image,
  }: {
    readonly before: ImageInputs;
    readonly list: ContextList | undefined;
    readonly image: DescribedImage;
  },
): Promise<ImageChange[]> {
  if (before.parent === image.inputs.parent) return [];
  const name = image.definition.parent;
  const now = name === undefined ? undefined : deps.described.get(name);
  const former = list?.parent ?? undefined;
  const change: ParentChange = {
    kind: 'parent',
    ...(before.parent === null ? {} : { before: { name: former, imageHash: before.parent } }),
    ...(name === undefined ? {} : { after: { name, imageHash: image.inputs.parent } }),
  };
  if (before.parent === null || !now) return [change];
  const key = { domain: deps.domain, name: former ?? now.name, imageHash: before.parent };
  const found = await deps.store.index.find(key, deps.level);
  if (!found || !(await isSameImage(deps, found.entry, { former, now }))) return [change];
  return [{ ...change, changes: await explainChanges(deps, found.entry, now) }];
}

/** An image of another name is another one altogether, unless it is made from the same directory: then it was renamed. */
async function isSameImage(
  { store }: ExplainDeps,
  entry: IndexEntry,
  { former, now }: { readonly former: string | undefined; readonly now: DescribedImage },
): Promise<boolean> {
  if (former === undefined || former === now.name) return true;
  return (await readContextList(store, entry))?.context === now.definition.context;
}

function baseChanges(
  { bases: before }: ImageInputs,
  { bases: after }: ImageInputs,
  { resolved, missing }: Pick<ExplainDeps, 'resolved'> & { readonly missing: readonly string[] },
): ImageChange[] {
  const references = new Set([...changedKeys(before, after), ...missing]);
  return [...references].sort().map((reference) => {
    const when = after[reference] === undefined ? undefined : resolved(reference);
    return {
      kind: 'base',
      reference,
      ...(before[reference] === undefined ? {} : { before: before[reference] }),
      ...(after[reference] === undefined ? {} : { after: after[reference] }),
      ...(when === undefined ? {} : { resolved: when }),
      ...(missing.includes(reference) ? { unrecorded: true as const } : {}),
    };
  });
}

function platformChanges({ platform: before }: ImageInputs, { platform: after }: ImageInputs): ImageChange[] {
  return before === after ? [] : [{ kind: 'platform', before, after }];
}

function changedKeys(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => before[key] !== after[key]).sort();
}
