import type { StoredImage } from '../schema/plan.ts';
import type { CacheMountsRecord, Phases } from '../schema/records.ts';

/** What a build of an image made, and what it took. */
export interface BuiltImage {
  readonly stored: StoredImage;
  readonly bytesUploaded: number;
  readonly steps: number;
  readonly cachedSteps: number;
  /** Absent where none was lacking. */
  readonly cacheMounts?: CacheMountsRecord;
  /** Why more moved than need have: of bases, parent and mounts, and in publishing. */
  readonly fellBack?: string;
  /** Why the layers of an earlier image could not be used. */
  readonly cacheTrouble?: string;
  readonly phases: Phases;
  readonly worker: string;
  readonly engineId: string;
  /** Absent in histories from before it was told. */
  readonly imageStore?: 'classic' | 'containerd';
  /** Manifest of the parent that it was built on; absent where it has none, and in such histories. */
  readonly parentDigest?: StoredImage['manifestDigest'];
  /** No step came from a cache, since a rebuild was wanted. */
  readonly fresh?: true;
  readonly started: string;
}
