import { isSlipwayError } from '../../model/errors.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import type { FreedRoom, LoadResult } from '../engine.ts';
import type { EngineRoom } from './engine-room.ts';
import type { MadeRoom } from './made-room.ts';

export interface AroundLoad {
  /** Told the image as soon as the engine has it, before it gets its name. */
  readonly onPresent: (engineImageId: string) => Promise<void>;
  /** Told when the image is not there and is about to come. */
  readonly onComing: () => Promise<void>;
}

/**
 * Loads an image into an engine that has a budget: room is made before, where there is foreseeably none; when the disk is full all
 * the same, once more after all that may go is gone; and afterwards, so that the budget is kept.
 */
export async function loadWithRoom(
  room: EngineRoom,
  image: StoredImage,
  hold: string | undefined,
  load: (around: AroundLoad) => Promise<LoadResult>,
): Promise<LoadResult> {
  const made: MadeRoom[] = [];
  const note = (one: MadeRoom | undefined): boolean => one !== undefined && made.push(one) > 0;
  const attempt = (): Promise<LoadResult> =>
    load({
      onPresent: (id) => room.use(id, hold),
      onComing: async () => void note(await room.prepareFor(image.sizeBytes)),
    });
  const loaded = await attempt().catch(async (error: unknown) => {
    if (!isSlipwayError(error) || error.type !== 'EngineOutOfSpace' || !note(await room.empty())) throw error;
    return attempt();
  });
  if (loaded.way !== 'present') note(await room.keep());
  return made.length === 0 ? loaded : { ...loaded, madeRoom: sumOf(made) };
}

function sumOf(made: readonly MadeRoom[]): FreedRoom {
  const all = made.map(freedBy);
  return {
    images: all.reduce((sum, { images }) => sum + images, 0),
    caches: all.reduce((sum, { caches }) => sum + caches, 0),
    containers: all.reduce((sum, { containers }) => sum + containers, 0),
    freedBytes: all.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
  };
}

/** What was removed, in numbers. */
export function freedBy({ removed, freedBytes }: MadeRoom): FreedRoom {
  const count = (wanted: (typeof removed)[number]['what']): number =>
    removed.filter(({ what }) => what === wanted).length;
  return { images: count('image'), caches: count('cache'), containers: count('container'), freedBytes };
}
