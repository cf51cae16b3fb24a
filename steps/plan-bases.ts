import type { BasePolicy } from '../images/describe-images.ts';
import type { Level } from '../model/pure/ids.ts';
import type { BaseToRenew, RenewedBase } from '../model/pure/base-payloads.ts';
import { renewalKey } from '../model/pure/base-payloads.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { isWhole } from './image-closure.ts';
import { day } from './why-words.ts';

export interface PlanBasesInput {
  readonly domain: string;
  readonly level: Level;
  /** Those that were resolved anew for this push; undefined where nobody can: on a laptop. */
  readonly renewedBases?: Readonly<Record<string, RenewedBase>> | undefined;
  readonly signal: AbortSignal;
}

interface UsedBase {
  readonly stored: StoredImage;
  readonly resolved?: string | undefined;
  readonly note?: string | undefined;
}

/** What the bases of one plan are, and which of them have to be resolved anew before it can stand. */
export class PlanBases {
  readonly #store: Store | undefined;
  readonly #input: PlanBasesInput;
  readonly #used = new Map<string, UsedBase>();
  readonly #toRenew = new Map<string, BaseToRenew>();

  constructor(store: Store | undefined, input: PlanBasesInput) {
    this.#store = store;
    this.#input = input;
  }

  get toRenew(): readonly BaseToRenew[] {
    return [...this.#toRenew.values()];
  }

  /** Digest of a base, or undefined when it has no record. One whose stored image is damaged counts as none: it is brought in again. */
  async resolve(platform: string, reference: string, policy: BasePolicy): Promise<string | undefined> {
    const base = { platform, reference, tracked: policy === 'track' };
    const used = this.#renewed(base) ?? (await this.#recorded(base));
    if (!used) return undefined;
    this.#used.set(renewalKey(base), used);
    return used.stored.manifestDigest;
  }

  used(base: BaseToRenew): UsedBase | undefined {
    return this.#used.get(renewalKey(base));
  }

  /** Whether a base was resolved anew for this plan; else it is asked for, where somebody can. */
  isRenewed(base: BaseToRenew): boolean {
    const { renewedBases } = this.#input;
    if (!renewedBases || renewedBases[renewalKey(base)]) return true;
    this.#toRenew.set(renewalKey(base), base);
    return false;
  }

  #renewed(base: BaseToRenew): UsedBase | undefined {
    const renewed = this.#input.renewedBases?.[renewalKey(base)];
    if (!renewed?.stored) return undefined;
    const { stored, resolved, unavailable } = renewed;
    const note =
      unavailable === undefined
        ? undefined
        : `base ${base.reference} could not be resolved anew (${unavailable}): what it was on ${day(resolved)} counts`;
    return { stored, resolved, note };
  }

  async #recorded(base: BaseToRenew): Promise<UsedBase | undefined> {
    const { domain, level, renewedBases, signal } = this.#input;
    const store = this.#store;
    if (!store) return undefined;
    const { index, blobs } = store;
    const { platform, reference, tracked } = base;
    const find = tracked ? index.findTrackedBase : index.findBase;
    const record = await find(domain, platform, reference, level, (found) =>
      isWhole(blobs, found.manifestDigest, signal),
    );
    if (!record) return undefined;
    // What has no record at all is brought in first, which resolves it.
    if (tracked) this.isRenewed(base);
    const { manifestDigest, configDigest, diffIds, sizeBytes, resolved } = record;
    const note =
      tracked && !renewedBases
        ? `base ${reference} is tracked: a push resolves it anew, here it is what it was on ${day(resolved)}`
        : undefined;
    return { stored: { manifestDigest, configDigest, diffIds, sizeBytes }, resolved, note };
  }
}
