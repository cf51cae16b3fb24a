import { ConfigInvalid } from '../model/errors.ts';
import { mayWriteLevel } from '../store/may-write.ts';
import type { Parts } from './parts.ts';

/** A store that is away is no reason not to start: the work waits for it. */
const PATIENCE_MS = 10_000;

/** A worker whose keys are another level's must not poll: every task that it took would fail. @throws {ConfigInvalid} */
export async function expectOwnLevel({ store, level, logger }: Parts): Promise<void> {
  let may: boolean;
  try {
    may = await mayWriteLevel(store.objects, level, AbortSignal.timeout(PATIENCE_MS));
  } catch (error) {
    logger.warn({ error }, 'The store does not answer; starting all the same');
    return;
  }
  if (!may)
    throw new ConfigInvalid(
      `The S3 keys of this worker may not write below level-${level}/ of bucket ${store.objects.bucket}: give it the keys of level ${level} (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)`,
    );
}
