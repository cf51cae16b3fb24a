import type { Engine } from '../../docker/engine.ts';
import type { DescribedImage } from '../../images/describe-images.ts';
import type { Level } from '../../model/pure/ids.ts';
import type { Store } from '../../store/store.ts';
import type { FoundStore } from './find-store.ts';

export interface PlatformArgs {
  /** As it was asked for. */
  readonly platform?: string | undefined;
}

/**
 * The platform of images that a push builds: what was asked for, else what the level's control workers have noted, else this
 * machine's. An image that names its own has that.
 */
export async function platformOfPushes(
  { platform }: PlatformArgs,
  level: Level,
  { store }: Pick<FoundStore, 'store'>,
): Promise<string> {
  const { hostPlatform } = await import('../../workers/host-platform.ts');
  return platform ?? (await store?.platforms.find(level)) ?? hostPlatform();
}

/** The same of images that are made in an engine here: what was asked for, else the engine's own. */
export async function platformHere(
  { platform }: PlatformArgs,
  engine: Pick<Engine, 'info'>,
): Promise<string> {
  return platform ?? (await engine.info()).platform;
}

/** What is to be said of images that are made here for another platform than pushes of that level make them for, where that is known. */
export async function remarkOnPlatform(
  images: readonly Pick<DescribedImage, 'definition' | 'inputs'>[],
  { store, level }: { readonly store: Pick<Store, 'platforms'>; readonly level: Level },
): Promise<string | undefined> {
  const ofPushes = await store.platforms.find(level);
  if (ofPushes === undefined) return undefined;
  const other = images.find(
    ({ definition, inputs }) => definition.platform === undefined && inputs.platform !== ofPushes,
  );
  return (
    other &&
    `images are for ${other.inputs.platform} here, as the engine is; CI's are for ${ofPushes} (--platform ${ofPushes} takes those, where this engine can run them)`
  );
}
