/** What workflows and activities say to one another about bases. */

import type { StoredImage } from '../schema/plan.ts';
import type { Level } from './ids.ts';

/** A base as images of a platform have it. */
export interface PlatformBase {
  readonly platform: string;
  readonly reference: string;
}

export interface ImportBaseInput extends PlatformBase {
  readonly domain: string;
  readonly level: Level;
}

export interface BaseToRenew extends PlatformBase {
  /** For images that track it; else its record for all is renewed. */
  readonly tracked: boolean;
}

export interface RenewBaseInput extends BaseToRenew {
  readonly domain: string;
  readonly level: Level;
}

/** What a person asks for by `slipway image refresh`. */
export interface RefreshInput {
  readonly project: string;
  readonly level: Level;
  readonly platform: string;
  readonly reference: string;
}

export interface RenewedBase {
  /** What counts from now on; absent when it never was to be had. */
  readonly stored?: StoredImage;
  /** When it was resolved to that: just now, or by the last that could. */
  readonly resolved?: string;
  /** What counted before. */
  readonly before?: string;
  /** Why it could not be resolved now. */
  readonly unavailable?: string;
}

/** What has come of bases for the plan of one push. */
export interface BasesOfPush {
  /** Bases that could not be had, by {@link platformBaseKey}, with the reason: their images fail, the other tasks go on. */
  readonly unavailableBases: Readonly<Record<string, string>>;
  /** Keys of those that trouble of ours keeps away, and no answer about them: that is not their author's to mend. */
  readonly troubledBases?: readonly string[];
  /** Bases that were resolved anew for this push, by {@link renewalKey}. */
  readonly renewedBases?: Readonly<Record<string, RenewedBase>>;
}

/** Names a base among those that cannot be had. */
export function platformBaseKey({ platform, reference }: PlatformBase): string {
  return `${platform} ${reference}`;
}

/** Names a base among those that are resolved anew. */
export function renewalKey({ tracked, ...base }: BaseToRenew): string {
  return `${tracked ? 'track' : 'pin'} ${platformBaseKey(base)}`;
}
