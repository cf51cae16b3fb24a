import { randomBytes } from 'node:crypto';
import { isSlipwayError } from '../../model/errors.ts';
import type { EngineRoom } from './engine-room.ts';

/**
 * Publishes an image of an engine that has a budget: a classic one writes what goes as a tar to its own disk first. When that is full,
 * once more after all that may go is gone, but not this image.
 */
export async function publishWithRoom<T>(
  room: Pick<EngineRoom, 'usePulled' | 'empty' | 'release'>,
  image: string,
  publish: () => Promise<T>,
): Promise<T> {
  try {
    return await publish();
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'EngineOutOfSpace') throw error;
    const holder = randomBytes(8).toString('hex');
    // What cannot be held must not be made room beside: it might go.
    await room.usePulled(image, holder).catch(() => {
      throw error;
    });
    try {
      if (!(await room.empty())) throw error;
      return await publish();
    } finally {
      await room.release(holder).catch(() => undefined);
    }
  }
}
