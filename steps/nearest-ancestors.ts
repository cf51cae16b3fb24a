import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { IndexEntry } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/** How much of an earlier image a build may find the same, the most first. */
export const NEARNESS = {
  /** It was built on the same images, all of them. */
  same: 0,
  /** It begins with the layers that the last stage begins with: what follows may be the same up to the first step that is not. */
  onGround: 1,
  /** Some image is the same, for an earlier stage or to copy from. Only steps that stand on no layer before them (`COPY --link`) can be. */
  inPart: 2,
  /** Nothing is. */
  none: 3,
} as const;

/** An earlier image of the same name. */
export interface Ancestor {
  readonly imageHash: string;
  readonly entry: IndexEntry;
  readonly nearness: (typeof NEARNESS)[keyof typeof NEARNESS];
}

export interface AncestorsWanted {
  readonly name: string;
  readonly inputs: ImageInputs;
  /** Diff ids of what the last stage begins with; undefined when nobody knows them. */
  readonly ground: readonly string[] | undefined;
  readonly store: { readonly index: Pick<Store['index'], 'list'> };
  readonly domain: string;
  readonly level: Level;
}

/** So many images of a name are looked at, from the newest on: others may have been tried on other bases meanwhile. */
const LOOK_AT = 40;

/**
 * Looks for images of a name and platform, from levels that this one may read, whose layers a build can take: the nearest first, of
 * equally near ones the newest. Only those that an engine of the same kind has built: none knows the steps of the other.
 */
export class AncestorSearch {
  readonly #wanted: AncestorsWanted;
  readonly #imageStore: IndexEntry['builtOn'];
  readonly #looked: Ancestor[] = [];

  constructor(wanted: AncestorsWanted, imageStore: IndexEntry['builtOn']) {
    this.#wanted = wanted;
    this.#imageStore = imageStore;
  }

  /** Reads on only while it is asked for more. */
  async *nearestFirst(): AsyncGenerator<Ancestor, void> {
    const { store, domain, level, name, inputs } = this.#wanted;
    let looked = 0;
    for await (const { key, entry } of store.index.list(domain, level, name)) {
      if (entry.inputs.platform === inputs.platform) {
        const ancestor = { imageHash: key.imageHash, entry, nearness: this.#nearnessOf(entry) };
        this.#looked.push(ancestor);
        if (ancestor.nearness === NEARNESS.same && this.#isOfKind(entry)) yield ancestor;
      }
      if (++looked >= LOOK_AT) break;
    }
    const others = this.#looked.filter(
      ({ entry, nearness }) => nearness !== NEARNESS.same && this.#isOfUse(nearness) && this.#isOfKind(entry),
    );
    yield* others.toSorted(byNearness);
  }

  /** The nearest, and newest, that would be of use to an engine of the other kind, of those that were looked at. */
  get ofOtherKind(): Ancestor | undefined {
    const others = this.#looked.filter(
      ({ entry, nearness }) => nearness <= NEARNESS.onGround && !this.#isOfKind(entry),
    );
    return others.toSorted(byNearness)[0];
  }

  /** All that were looked at, newest first. */
  get looked(): readonly Ancestor[] {
    return this.#looked;
  }

  /** A classic engine would have to load the whole image, and has no steps that stand on no layer before them. */
  #isOfUse(nearness: Ancestor['nearness']): boolean {
    const last = this.#imageStore === 'containerd' ? NEARNESS.inPart : NEARNESS.onGround;
    return nearness <= last;
  }

  /** Entries from before it was written down may be of any kind. */
  #isOfKind({ builtOn }: IndexEntry): boolean {
    return builtOn === undefined || builtOn === this.#imageStore;
  }

  #nearnessOf({ inputs: before, diffIds }: IndexEntry): Ancestor['nearness'] {
    const { inputs, ground } = this.#wanted;
    const bases = new Set(Object.values(inputs.bases));
    const basesBefore = new Set(Object.values(before.bases));
    const shared = [...bases].filter((digest) => basesBefore.has(digest)).length;
    const isSame = before.parent === inputs.parent && shared === Math.max(bases.size, basesBefore.size);
    // The parent of the same name may have been made anew meanwhile.
    const isOnGround = ground?.every((layer, at) => layer === diffIds[at]);
    if (isSame && isOnGround !== false) return NEARNESS.same;
    if (isOnGround) return NEARNESS.onGround;
    return shared > 0 || (inputs.parent !== null && before.parent === inputs.parent)
      ? NEARNESS.inPart
      : NEARNESS.none;
  }
}

function byNearness(a: Ancestor, b: Ancestor): number {
  return a.nearness - b.nearness;
}
