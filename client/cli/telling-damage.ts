import { isSlipwayError } from '../../model/errors.ts';
import { parseId } from '../../model/pure/ids.ts';

/** Reads an artifact of a task, and says what to do about one whose bytes are not those that were saved. */
export async function tellingDamage<T>(
  { taskId, name }: { readonly taskId: string; readonly name: string },
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const isDamaged = isSlipwayError(error) && error.type === 'DigestMismatch';
    if (!isDamaged || parseId(taskId)?.kind !== 'task') throw error;
    throw new Error(
      `Artifact "${name}" of ${taskId} is damaged in the store: its bytes are not those that were saved, and what was read of it is of no use. Run that task again: slipway rerun ${taskId}`,
    );
  }
}
