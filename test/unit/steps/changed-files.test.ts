import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import type { PushState } from '../../../model/pure/states.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import { createGitSource } from '../../../source/git-source.ts';
import type { ChangesQuestion } from '../../../steps/changed-files.ts';
import { findChanges } from '../../../steps/changed-files.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPush } from '../../helpers/push-documents.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

const scratch = scratchDirectory();
afterAll(() => scratch[Symbol.dispose]());
const repository = new GitRepository(join(scratch.path, 'demo'));
const revisions = ['a', 'b', 'c', 'd'].map((name) => repository.commit({ [name]: name }));
const [a = '', b = '', c = '', d = ''] = revisions;
const source = createGitSource({ mirrorsDirectory: join(scratch.path, 'mirrors'), allowFile: true });
const url = `file://${repository.directory}`;
const MAIN = 'refs/heads/main';
const common = { project: 'demo', level: 1, repository: url, ref: MAIN } as const;

let objects: ObjectStore;
let store: Store;
let hour = 0;
beforeEach(() => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  hour = 0;
});

/** A push of an hour later than the one before. */
async function pushed(
  revision: string,
  {
    variant,
    state = 'completed',
    ...over
  }: {
    readonly ref?: string;
    readonly repository?: string;
    readonly variant?: string;
    readonly state?: PushState;
  } = {},
): Promise<void> {
  hour += 1;
  const received = `2026-01-10T${String(hour).padStart(2, '0')}:00:00.000Z`;
  const push = { ...common, revision, request: {}, pushedBy: 'anne', received, ...over };
  const id = idOf({ ...push, variant });
  await receivePush(store, { push, pushId: id }, 'demo');
  await store.pushes.writeStatus(aPush({ id, revision, state }));
}

async function changes(
  revision: string,
  over: Partial<ChangesQuestion['push']> = {},
  rest: Partial<ChangesQuestion> = {},
): Promise<readonly [files: string, what: string] | undefined> {
  const push = { ...common, revision, pushId: idOf({ ...common, revision }), ...over };
  const config: Pick<ServerConfig, 'projects'> = { projects: {} };
  const { signal } = new AbortController();
  const found = await findChanges({ source, store, config, push, signal, ...rest });
  return found && [found.files.join(' '), found.since.what];
}

describe('what a push has changed', () => {
  it('is not known of the first one', async () => {
    await pushed(b);

    expect(await changes(b)).toBeUndefined();
  });

  it('is since the last push of its ref: neither one of another ref nor one that asked for few tasks counts, nor a later one', async () => {
    await pushed(a);
    await pushed(b, { ref: 'refs/heads/other' });
    await pushed(c, { variant: '0123456789ab' });
    expect(await changes(d)).toEqual(['b c d', 'the push of main before']);

    await pushed(c);
    await pushed(d);
    expect(await changes(d)).toEqual(['d', 'the push of main before']);
    expect(await changes(c)).toEqual(['b c', 'the push of main before']);
  });

  it('is since one that was carried out, or is: what was refused or cancelled has tested nothing', async () => {
    await pushed(a, { state: 'failed' });
    await pushed(b, { state: 'exception' });
    expect(await changes(d)).toEqual(['b c d', 'the push of main before']);

    await pushed(c, { state: 'running' });
    expect(await changes(d)).toEqual(['d', 'the push of main before']);
    // Where newer ones take the place of those that run, it is about to be cancelled.
    const config = { projects: { demo: { supersede: true } as ServerConfig['projects'][string] } };
    expect(await changes(d, {}, { config })).toEqual(['b c d', 'the push of main before']);
  });

  it.each(['status', 'push'] as const)(
    'is not since one whose record of its %s is damaged: nobody knows how that ended',
    async (part) => {
      await pushed(b);
      await pushed(c);
      await objects.put(pushKey(idOf({ ...common, revision: c }), part), Buffer.from('{"version": 1'), {});

      expect(await changes(d)).toEqual(['c d', 'the push of main before']);
    },
  );

  it('is not since one whose status a newer version wrote', async () => {
    await pushed(b);
    await pushed(c);
    const id = idOf({ ...common, revision: c });
    const status = { ...(await store.pushes.findStatus(id)), state: 'new' };
    await objects.put(pushKey(id, 'status'), Buffer.from(JSON.stringify(status)), {});

    expect(await changes(d)).toEqual(['c d', 'the push of main before']);
  });

  it('is since a push of the same repository', async () => {
    await pushed(a);
    await pushed(c, { repository: 'file:///elsewhere/demo' });

    expect(await changes(d)).toEqual(['b c d', 'the push of main before']);
    const pushedAs = 'file:///elsewhere/demo';
    expect(await changes(d, { pushedAs })).toEqual(['d', 'the push of main before']);
  });

  it('is not known by its pushes of one that is older than those that are looked through', async () => {
    await pushed(a);
    await pushed(c);
    const { pushes } = store;
    const list: typeof pushes.list = (options) => pushes.list({ ...options, limit: 1 });

    expect(await changes(a, {}, { store: { pushes: { ...pushes, list } } })).toBeUndefined();
  });

  it('is since the revision that a hook was told, before all that is known, or since what was asked for', async () => {
    await pushed(c);

    expect(await changes(d, { before: b })).toEqual(['c d', "the ref's former revision"]);
    expect(await changes(d, { before: b, base: a })).toEqual(['b c d', 'what was asked for']);
    // A forced push has taken it away.
    expect(await changes(d, { before: 'e'.repeat(40) })).toEqual(['d', 'the push of main before']);
  });

  it.each<[string, Parameters<typeof pushed>[1]]>([
    ['was refused or cancelled', { state: 'exception' }],
    ['asked for few tasks', { variant: '0123456789ab' }],
  ])('is not since the revision that a hook was told where its push %s', async (_, asItWas) => {
    await pushed(a);
    await pushed(b, asItWas);
    await pushed(c, { ref: 'refs/heads/other' });

    expect(await changes(d, { before: b })).toEqual(['b c d', 'the push of main before']);
  });

  it('is since the revision that a hook was told where a push of it was carried out, or is, whatever else was asked of it', async () => {
    await pushed(a);
    await pushed(b, { variant: '0123456789ab', state: 'exception' });
    await pushed(b, { state: 'failed' });
    await pushed(c, { state: 'running' });
    expect(await changes(d, { before: b })).toEqual(['c d', "the ref's former revision"]);
    expect(await changes(d, { before: c })).toEqual(['d', "the ref's former revision"]);
    expect(await changes(d, { before: c }, { store: undefined })).toEqual(['d', "the ref's former revision"]);

    // Where newer ones take the place of those that run, it is about to be cancelled.
    const config = { projects: { demo: { supersede: true } as ServerConfig['projects'][string] } };
    expect(await changes(d, { before: c }, { config })).toEqual(['c d', 'the push of main before']);
  });

  it('is since the revision that a hook was told where only other refs were pushed at it', async () => {
    await pushed(a);
    await pushed(c, { ref: 'refs/heads/other', state: 'exception' });
    await pushed(c, { repository: 'file:///elsewhere/demo', variant: '0123456789ab' });

    expect(await changes(d, { before: c })).toEqual(['d', "the ref's former revision"]);
  });

  it('is not since the revision that a hook was told where the record of its push is damaged', async () => {
    await pushed(a);
    await pushed(c);
    await objects.put(pushKey(idOf({ ...common, revision: c }), 'push'), Buffer.from('{"version": 1'), {});

    expect(await changes(d, { before: c })).toEqual(['b c d', 'the push of main before']);
  });

  it('is since the upstream where nothing was pushed before, unless that has the revision already', async () => {
    expect(await changes(d, { upstream: b })).toEqual(['c d', "the branch's upstream"]);
    expect(await changes(d, { upstream: d })).toBeUndefined();
    expect(await changes(d, { upstream: b }, { store: undefined })).toEqual(['c d', "the branch's upstream"]);

    await pushed(c);
    expect(await changes(d, { upstream: b })).toEqual(['d', 'the push of main before']);
  });

  it('is since the merge base with the first ref of the project where nothing else is known', async () => {
    repository.git('checkout', '--quiet', '-B', 'topic', b);
    const topic = repository.commit({ topic: 'topic' });
    const sources = [{ repository: url, refs: { main: 3, '*': 1 } as const }];
    const config = { projects: { demo: { sources } as unknown as ServerConfig['projects'][string] } };

    const onTopic = (revision: string, rest: Partial<ChangesQuestion> = {}) =>
      changes(revision, { ref: 'refs/heads/topic' }, { config, ...rest });

    expect(await onTopic(topic)).toEqual(['topic', 'the merge base with main']);
    // One without commits of its own has nothing that could have changed since: at its level all of it is new.
    expect(await onTopic(b)).toBeUndefined();
    expect(await onTopic(b, { pending: ['x'] })).toEqual(['x', 'the merge base with main']);
  });

  it('is in a working tree what is not committed too, also since a push of what is checked out', async () => {
    const pending = ['x'];
    const pushId = idOf({ ...common, revision: 'f'.repeat(40) });

    expect(await changes(d, { pushId, upstream: d }, { pending })).toEqual(['x', "the branch's upstream"]);
    await pushed(d);
    expect(await changes(d, { pushId }, { pending })).toEqual(['x', 'the push of main before']);
  });
});
