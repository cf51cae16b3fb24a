import { beforeEach, describe, expect, it } from '@jest/globals';
import { findImagesOfPush } from '../../../client/find-images.ts';
import { findPlannedImage } from '../../../client/find-planned-image.ts';
import { NotPlanned } from '../../../client/not-planned.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = idOf(push);
const RESOLVED = '2026-01-01T00:01:00.000Z';

let store: Store;
beforeEach(async () => {
  store = emptyStore();
  await receivePush(store, { push, pushId }, 'demo');
});

const WAYS: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['asked why', () => findPlannedImage(store, pushId, 'lint')],
  ['loaded', () => findImagesOfPush(store, pushId, 'lint')],
];

describe.each(WAYS)('an image of a push that is %s', (_way, find) => {
  it('may still come while the push is being planned', async () => {
    await expect(find()).rejects.toThrow(NotPlanned);
    await expect(find()).rejects.toThrow(`Push ${pushId} is not planned yet: slipway watch ${pushId}`);
  });

  it('may still come while a program decides', async () => {
    const tasks = [aTask({ label: 'decision' })];
    const images = [anImage({ name: 'decides' })];
    await store.pushes.writeStatus(aPush({ id: pushId, decisionMs: 1, images, tasks }));

    await expect(find()).rejects.toThrow(NotPlanned);
  });

  it('is not there where the push was refused, which says where to look', async () => {
    const ended = { state: 'exception', reason: 'malformed-plan', resolved: RESOLVED } as const;
    await store.pushes.writeStatus(aPush({ id: pushId, ...ended }));

    await expect(find()).rejects.toThrow(
      `Push ${pushId} needs no image "lint": it was refused, and slipway status ${pushId} says why`,
    );
  });

  it('is not there where the push has others, which are named', async () => {
    const ended = { state: 'completed', reason: 'completed', resolved: RESOLVED, decisionMs: 1 } as const;
    await store.pushes.writeStatus(aPush({ id: pushId, ...ended, images: [anImage({ name: 'base' })] }));

    await expect(find()).rejects.toThrow(`Push ${pushId} needs no image "lint"; known: base`);
  });
});

describe('all images of a push', () => {
  const all = (): Promise<unknown> => findImagesOfPush(store, pushId, undefined);

  it('may still come, or are none, since the push was refused or needs none', async () => {
    await expect(all()).rejects.toThrow(NotPlanned);

    const ended = { state: 'exception', reason: 'revision-not-found', resolved: RESOLVED } as const;
    await store.pushes.writeStatus(aPush({ id: pushId, ...ended }));
    await expect(all()).rejects.toThrow(
      `Push ${pushId} needs no image: it ended without a plan (revision-not-found), and slipway status`,
    );

    const completed = { state: 'completed', reason: 'completed', resolved: RESOLVED, decisionMs: 1 } as const;
    await store.pushes.writeStatus(aPush({ id: pushId, ...completed }));
    await expect(all()).rejects.toThrow(/needs no image$/);
  });
});
