import type { PushInput } from '../model/pure/payloads.ts';
import type { PushRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';

/** Creates the record of a push, or adds its ref to the one that is there. Safe to repeat. */
export function receivePush(
  store: Store,
  { push, pushId }: { readonly push: PushInput; readonly pushId: string },
  domain: string,
): Promise<PushRecord> {
  const { project, level, repository, ref, revision, request, pushedBy, received } = push;
  return store.pushes.receive({
    version: 1,
    pushId,
    project,
    domain,
    level,
    repository,
    refs: [ref],
    revision,
    request,
    pushedBy,
    received,
  });
}
