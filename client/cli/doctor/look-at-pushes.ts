import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { Ailment, diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { isRefused } from '../../../store/s3-errors.ts';
import type { Store } from '../../../store/store.ts';
import { listPushes } from '../../list-pushes.ts';
import { isUnread, whyUnread } from '../../unread-push.ts';

/** As many as `slipway pushes` lists; `slipway gc --dry-run` reads them all. */
const NEWEST = 20;

/** Whether the records of the newest pushes can be read. */
export function lookAtPushes(store: Store): Promise<Diagnosis> {
  return diagnosed('pushes', 'Look into the store', async () => {
    const listed = await listPushes(store, { limit: NEWEST }).catch(explainRefusal);
    const unread = listed.filter(isUnread).map(whyUnread);
    const [first] = unread;
    if (first === undefined) return { message: listed.length === 0 ? 'are none yet' : 'of late can be read' };
    throw new Ailment(`${unread.length} of the newest ${listed.length} cannot be read`, first);
  });
}

/** Where workers run by hand, who looks may have the keys of one of them. */
function explainRefusal(error: unknown): never {
  if (!isRefused(error)) throw error;
  throw new Ailment(
    'cannot be read with these keys',
    'Look with the keys of a client: those of workers do not read the pushes of all levels',
  );
}
