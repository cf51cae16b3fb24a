import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { supersede } from '../../../activities/supersede.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import type { PushInput } from '../../../model/pure/payloads.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { countReads } from '../../helpers/counted-reads.ts';
import { aPush } from '../../helpers/push-documents.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

let objects: ObjectStore;
let store: Store;
let told: string[];
beforeEach(() => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  told = [];
});

const older = aPushInput({ received: '2026-01-01T00:01:00.000Z' });
const newer = aPushInput({ received: '2026-01-01T00:02:00.000Z', revision: 'b'.repeat(40) });

/** Who is told by whom when a push asks; all of them have ended by then. */
async function toldBy(push: PushInput): Promise<readonly string[]> {
  const getHandle = (id: string): object => ({
    signal: (_name: string, { by }: { readonly by: string }) => {
      told.push(`${id} by ${by}`);
      throw new WorkflowNotFoundError('It has ended', id, undefined);
    },
  });
  const client = { workflow: { getHandle } } as unknown as Client;
  await supersede({ client, store }, { pushId: idOf(push), push }, new AbortController().signal);
  return told;
}

const receive = (push: PushInput): Promise<unknown> =>
  receivePush(store, { push, pushId: idOf(push) }, 'demo');

/** What planning leaves of a push. */
async function plan(
  push: PushInput,
  { over = {}, state }: { readonly over?: Partial<Plan>; readonly state?: Partial<PushDocument> } = {},
): Promise<void> {
  await receive(push);
  const file = 'version: 1\ntasks: { t: { image: debian } }\n';
  await store.pushes.writePlan({ ...aPlanOf(push, { plannedAt: push.received, file }), ...over });
  const { ref, repository, revision, received } = push;
  await store.pushes.writeStatus(aPush({ id: idOf(push), ref, repository, revision, received, ...state }));
}

it('A push whose status is damaged is told too that a newer one takes its place: it may run; one without a record of its own keeps nobody else from hearing', async () => {
  const damaged = aPushInput({ received: '2026-01-01T00:00:30.000Z', revision: 'c'.repeat(40) });
  for (const push of [damaged, older]) await receive(push);
  await objects.put(pushKey(idOf(damaged), 'push'), Buffer.from('{"version": 1'), {});
  await objects.put(pushKey(idOf(older), 'status'), Buffer.from('{"version": 1'), {});

  expect(await toldBy(newer)).toEqual([`${idOf(older)} by ${idOf(newer)}`]);
});

it('Of two pushes of a ref the one that was pushed last takes the place of the other, also when it was there before; a new round that was only asked for does not', async () => {
  const asked = { ...older, again: true, round: 2, received: '2026-01-01T00:03:00.000Z' };
  const pushed = { ...asked, arrivedAgain: true, round: 3, received: '2026-01-01T00:04:00.000Z' } as const;

  const heard: string[][] = [];
  for (const push of [older, newer, asked, pushed, newer]) {
    told.length = 0;
    await receive(push);
    heard.push([...(await toldBy(push))]);
  }

  const [byNewer, byOlder] = [`${idOf(older)} by ${idOf(newer)}`, `${idOf(newer)} by ${idOf(older)}`];
  expect(heard).toEqual([[], [byNewer], [], [byOlder], []]);
  // What is repeated late does not set it back.
  await receive({ ...pushed, received: asked.received });
  expect(await store.pushes.find(idOf(older))).toMatchObject({ arrived: pushed.received });
});

describe('a push that is planned after a newer one of its ref', () => {
  const byNewer = [`${idOf(older)} by ${idOf(newer)}`];

  it.each<[string, Partial<PushDocument>]>([
    ['runs', {}],
    ['has completed', { state: 'completed', reason: 'completed', resolved: '2026-01-01T00:03:00.000Z' }],
    ['has failed', { state: 'failed', reason: 'failed', resolved: '2026-01-01T00:03:00.000Z' }],
  ])('is told by itself, since the newer one could not: that %s', async (_what, state) => {
    await plan(newer, { state });
    await plan(older);

    expect(await toldBy(older)).toEqual(byNewer);
  });

  it('is told of the newest one, and tells no others', async () => {
    const newest = aPushInput({ received: '2026-01-01T00:03:00.000Z', revision: 'c'.repeat(40) });
    const oldest = aPushInput({ received: '2026-01-01T00:00:00.000Z', revision: 'd'.repeat(40) });
    for (const push of [newest, newer, older, oldest]) await plan(push);

    expect(await toldBy(older)).toEqual([`${idOf(older)} by ${idOf(newest)}`]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is not planned yet', () => receive(newer)],
    [
      'was refused or cancelled',
      () => plan(newer, { state: { state: 'exception', reason: 'canceled', resolved: newer.received } }),
    ],
    ['is of another ref', () => plan({ ...newer, ref: 'refs/heads/other' })],
    ['is of another repository', () => plan({ ...newer, repository: 'file:///srv/other.git' })],
    ['is of another project', () => plan({ ...newer, project: 'other' })],
    ['arrived in the same moment', () => plan({ ...newer, received: older.received })],
  ])('goes on where that %s', async (_what, leave) => {
    await leave();
    await plan(older);

    expect(await toldBy(older)).toEqual([]);
  });

  it('goes on where it arrived at a further ref', async () => {
    await plan(newer);
    await plan(older);
    await receive({ ...older, ref: 'refs/heads/other' });

    expect(await toldBy(older)).toEqual([]);
  });

  it.each<[string, Partial<PushInput>]>([
    ['a new round that somebody wanted', { again: true }],
    ['a rerun', { round: 2, rerun: { tasks: 'failed', downstream: false } }],
  ])('goes on as %s', async (_what, over) => {
    await plan(newer);
    await plan(older);

    expect(await toldBy({ ...older, ...over })).toEqual([]);
  });
});

describe('a push whose revision the newer one was held against', () => {
  const over = { compared: { revision: older.revision, what: "the ref's former revision" } };

  it('goes on, whichever of them asks: nothing else tests what it has changed', async () => {
    await plan(newer, { over });
    await plan(older);

    expect(await toldBy(older)).toEqual([]);
    expect(await toldBy(newer)).toEqual([]);
  });

  it('does not where it was another one', async () => {
    await plan(newer, { over: { compared: { revision: 'e'.repeat(40) } } });
    await plan(older);

    expect(await toldBy(newer)).toEqual([`${idOf(older)} by ${idOf(newer)}`]);
  });
});

it('Of pushes of other refs nothing is read but their records, however large their plans are', async () => {
  const counted = countReads(objects);
  const others = Array.from({ length: 20 }, (_, at) =>
    aPushInput({
      ref: `refs/heads/other-${at}`,
      revision: `${at}`.padStart(40, '0'),
      received: newer.received,
    }),
  );
  for (const other of [...others, older, newer]) await plan(other);
  store = createStore(counted.objects);

  expect(await toldBy(newer)).toEqual([`${idOf(older)} by ${idOf(newer)}`]);
  told = [];
  expect(await toldBy(older)).toEqual([`${idOf(older)} by ${idOf(newer)}`]);

  const ofOthers = counted.keys.filter((key) => others.some(({ revision }) => key.includes(revision)));
  expect(ofOthers).not.toEqual([]);
  expect(ofOthers.filter((key) => !key.endsWith('/push.json'))).toEqual([]);
});
