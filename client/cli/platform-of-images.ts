import type { Level } from '../../model/pure/ids.ts';
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
