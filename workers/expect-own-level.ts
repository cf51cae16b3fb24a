import { ConfigInvalid } from '../model/errors.ts';
import { whyNotWritable } from '../store/may-write.ts';
import type { Parts } from './parts.ts';

/** A store that is away is no reason not to start: the work waits for it. */
const PATIENCE_MS = 10_000;

const VARIABLES = 'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY';

/** A worker whose keys are another level's, or nobody's, must not poll: every task that it took would fail. @throws {ConfigInvalid} */
export async function expectOwnLevel({ store, level, logger }: Parts): Promise<void> {
  let refusal: Awaited<ReturnType<typeof whyNotWritable>>;
  try {
    refusal = await whyNotWritable(store.objects, level, AbortSignal.timeout(PATIENCE_MS));
  } catch (error) {
    logger.warn({ error }, 'The store does not answer; starting all the same');
    return;
  }
  if (!refusal) return;
  const { code, message, isKnown } = refusal;
  const todo = isKnown
    ? `give it the keys of level ${level} (${VARIABLES})`
    : `they are mistyped, or were renewed since; give it keys that hold (${VARIABLES})`;
  throw new ConfigInvalid(
    `The S3 keys of this worker may not write below level-${level}/ of bucket ${store.objects.bucket} (${code}: ${message.replace(/\.$/, '')}): ${todo}`,
  );
}
