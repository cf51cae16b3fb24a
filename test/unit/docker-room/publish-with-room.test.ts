import { beforeEach, expect, it } from '@jest/globals';
import type { MadeRoom } from '../../../docker/room/made-room.ts';
import { publishWithRoom } from '../../../docker/room/publish-with-room.ts';
import { EngineOutOfSpace, TransferFailed } from '../../../model/errors.ts';

const FULL = new EngineOutOfSpace('The disk of the Docker Engine is full');
const MADE: MadeRoom = { why: 'the disk is full', removed: [], freedBytes: 1, takenBytes: 0 };

let did: string[];
/** What emptying the engine gives. */
let made: MadeRoom | undefined;
const room = {
  usePulled: (image: string) => Promise.resolve(void did.push(`hold ${image}`)),
  empty: () => Promise.resolve((did.push('empty'), made)),
  release: () => Promise.resolve(void did.push('release')),
};
beforeEach(() => {
  did = [];
  made = MADE;
});

/** A publish that fails so many times. */
const failing = (times: number, error: Error): (() => Promise<string>) => {
  let left = times;
  return () => {
    did.push('publish');
    left -= 1;
    return left < 0 ? Promise.resolve('published') : Promise.reject(error);
  };
};

it('publishes once more when the disk was full, after room was made but for the image itself', async () => {
  expect(await publishWithRoom(room, 'x:1', failing(1, FULL))).toBe('published');

  expect(did).toEqual(['publish', 'hold x:1', 'empty', 'publish', 'release']);
});

it('gives up when the disk is full again', async () => {
  await expect(publishWithRoom(room, 'x:1', failing(2, FULL))).rejects.toBe(FULL);

  expect(did).toEqual(['publish', 'hold x:1', 'empty', 'publish', 'release']);
});

it('does not try again when nothing could be removed', async () => {
  made = undefined;

  await expect(publishWithRoom(room, 'x:1', failing(1, FULL))).rejects.toBe(FULL);

  expect(did).toEqual(['publish', 'hold x:1', 'empty', 'release']);
});

it('makes no room beside an image that it cannot hold', async () => {
  const broken = { ...room, usePulled: () => Promise.reject(new Error('no space left on device')) };

  await expect(publishWithRoom(broken, 'x:1', failing(1, FULL))).rejects.toBe(FULL);

  expect(did).toEqual(['publish']);
});

it('makes no room for another failure', async () => {
  const other = new TransferFailed('publish', 'x:1', 'cut off');

  await expect(publishWithRoom(room, 'x:1', failing(1, other))).rejects.toBe(other);

  expect(did).toEqual(['publish']);
});
