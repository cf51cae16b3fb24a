import { isSlipwayError } from '../../model/errors.ts';
import { emptyStore } from '../../store/empty-store.ts';
import { withLocalEngine } from './local-engine.ts';
import type { Session } from './session.ts';

export interface RemovedFromEngine {
  readonly removed: boolean;
  /** In words. */
  readonly detail: string;
}

/** Whether this machine's engine has an image of that name; one that cannot be asked has none. */
export async function isInEngine(reference: string, session: Session): Promise<boolean> {
  try {
    return await withLocalEngine(session, emptyStore().blobs, async (engine) => {
      return (await engine.images.find(reference)) !== undefined;
    });
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
    return false;
  }
}

/** Takes an image's name out of this machine's engine. One that cannot be is no trouble: the index is what counts. */
export async function removeFromEngine(reference: string, session: Session): Promise<RemovedFromEngine> {
  try {
    return await withLocalEngine(session, emptyStore().blobs, async (engine) => {
      const where = `the engine (${engine.address})`;
      if ((await engine.images.find(reference)) === undefined)
        return { removed: false, detail: `${reference} is not in ${where}` };
      await engine.images.remove(reference);
      return { removed: true, detail: `${reference} was taken out of ${where}` };
    });
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
    return { removed: false, detail: `${reference} stays in the engine: ${error.message}` };
  }
}
