import { describe, expect, it } from '@jest/globals';
import { RepositoryUnavailable, RevisionNotFound } from '../../../model/errors.ts';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const config = serverConfigSchema.parse({
  version: 1,
  projects: { demo: { trustDomain: 'shared', sources: [{ repository: push.repository, refs: { '*': 1 } }] } },
});

/** Plans the push where opening its repository ends so; gives what is known of it then. */
async function planned(end: Error) {
  const store = createStore(createMemoryObjectStore());
  const source = { open: () => Promise.reject(end) } as never;
  const context = {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    isCanceled: () => false,
  };
  const outcome = await planPush(
    { store, source, config, platform: 'linux/amd64' },
    { push, pushId, unavailableBases: {} },
    context,
  ).catch((error: unknown) => error);
  const open: string[] = [];
  for await (const id of store.pushes.open(1)) open.push(id);
  return { outcome, open, record: await store.pushes.find(pushId) };
}

describe('a push', () => {
  it('stands in the store as soon as its planning begins, though its repository is away: a newer one finds it', async () => {
    const error = new RepositoryUnavailable(push.repository, 'away');

    const { outcome, open, record } = await planned(error);

    expect(outcome).toBe(error);
    expect(open).toEqual([pushId]);
    expect(record).toMatchObject({ revision: push.revision, domain: 'shared' });
  });

  it('of a revision that is not there stands there with its end', async () => {
    const { outcome, open, record } = await planned(new RevisionNotFound(push.repository, push.revision));

    expect(outcome).toMatchObject({ outcome: 'rejected', reason: 'revision-not-found' });
    expect(open).toEqual([]);
    expect(record).toMatchObject({ domain: 'shared' });
  });
});
