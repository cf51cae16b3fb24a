import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type Docker from 'dockerode';
import type { ImageEndpoint } from '../../../docker/endpoint/image-endpoint.ts';
import type { PushOptions } from '../../../docker/endpoint/transfer.ts';
import type { PublishResult } from '../../../docker/engine.ts';
import { publishImage } from '../../../docker/transport/publish.ts';
import { StoreOutOfSpace, StoreUnavailable } from '../../../model/errors.ts';
import { savedByClassic } from '../../helpers/archives.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

const FULL = new StoreOutOfSpace('UploadPart', 'slipway', 'key', 'write /data: no space left on device');
const AWAY = new StoreUnavailable('PutObject', 'slipway', 'key', 'it is away');
const { signal } = new AbortController();

let directory: string;
let blobs: DirectoryBlobs;
let image: MadeImage;
/** What the endpoint was told to tell. */
let told: PushOptions;
/** How often the engine was asked to push. */
let pushes: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-publish-'));
  blobs = await DirectoryBlobs.create(directory);
  image = await anImage();
  pushes = 0;
});
afterEach(() => rm(directory, { recursive: true }));

/** An engine of which only this is seen: how it pushes, each time, and what it saves. */
interface Engine {
  /** What its push says; `until` is aborted when it is given up. */
  readonly push?: (time: number, until: AbortSignal) => Readable;
  readonly save?: () => Promise<Readable>;
}

function publish({
  push,
  save = () => Promise.reject(new Error('it was asked to save')),
}: Engine): Promise<PublishResult> {
  let isPushed = false;
  const docker = {
    modem: {
      dial: (_request: unknown, answer: (error: null, found: object) => void) =>
        answer(null, { Id: 'sha256:1', RepoTags: ['x:1'] }),
    },
    getImage: () => ({
      tag: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      get: save,
      push: ({ abortSignal }: { readonly abortSignal: AbortSignal }) => {
        const said = push!((pushes += 1), abortSignal);
        said.once('end', () => (isPushed = true));
        return Promise.resolve(said);
      },
    }),
  } as unknown as Docker;
  const endpoint = {
    openPush(options: PushOptions) {
      told = options;
      const manifest = { reference: 'tag', digest: image.stored.manifestDigest, mediaType: '' };
      return {
        ...{ tag: 'tag', username: '', password: '', errors: [], stats: { bytesIn: 1, bytesOut: 0 } },
        close: () => undefined,
        result: () => ({ manifests: isPushed ? [manifest] : [], uploaded: [], confirmed: [] }),
      };
    },
  } as unknown as ImageEndpoint;
  const info = { imageStore: 'classic', pullsZstd: false } as const;
  return publishImage(
    { docker, info, blobs, fleet: 'unit', endpoint: push && endpoint, registryHost: '127.0.0.1:1' },
    'x:1',
    { signal, mayConfirm: () => false },
  );
}

const said = (...messages: readonly object[]): Readable =>
  Readable.from(messages.map((message) => `${JSON.stringify(message)}\n`));
const failed = (message: string): Readable => said({ errorDetail: { message } });
/** An engine that tries on, and says nothing until it is told to stop. */
function tryingOn(until: AbortSignal): Readable {
  const stream = new Readable({ read: () => undefined });
  until.addEventListener('abort', () => stream.destroy(new Error('aborted')));
  return stream;
}

describe('a push', () => {
  it('is cut short when the store is full', async () => {
    const published = publish({
      push(_time, until) {
        setImmediate(() => told.onError?.(FULL, performance.now()));
        return tryingOn(until);
      },
    });

    await expect(published).rejects.toBe(FULL);
    expect(pushes).toBe(1);
  });

  it('is cut short when the store fails time and again', async () => {
    const published = publish({
      push(_time, until) {
        for (let time = 0; time < 3; time += 1)
          setTimeout(() => told.onError?.(AWAY, performance.now()), 2 * time);
        return tryingOn(until);
      },
    });

    await expect(published).rejects.toBe(AWAY);
    expect(pushes).toBe(1);
  });

  it('that fails by no fault of the store is repeated, though the store had failed and was there again', async () => {
    await putImage(blobs, image);
    const published = await publish({
      push(time) {
        if (time > 1) return said({ status: 'Pushed' });
        told.onError?.(AWAY, performance.now());
        told.onStored?.();
        return failed('the engine was confused');
      },
    });

    expect(published).toMatchObject({ way: 'endpoint', manifestDigest: image.stored.manifestDigest });
    expect(pushes).toBe(2);
  });

  it('that fails with the store is the store’s failure, and is not repeated', async () => {
    const published = publish({
      push() {
        told.onStored?.();
        told.onError?.(AWAY, performance.now());
        return failed('received unexpected HTTP status: 500');
      },
    });

    await expect(published).rejects.toBe(AWAY);
    expect(pushes).toBe(1);
  });
});

describe('an engine whose disk is full', () => {
  const noSpace = (): Promise<never> =>
    Promise.reject(
      Object.assign(
        new Error('(HTTP code 500) server error - write /var/lib/docker/tmp/x: no space left on device'),
        {
          statusCode: 500,
        },
      ),
    );

  it('is told as that when it cannot save what it shall publish', async () => {
    await expect(publish({ save: noSpace })).rejects.toMatchObject({
      type: 'EngineOutOfSpace',
      message: expect.stringMatching(/^The disk of the Docker Engine is full: .*no space left on device/),
    });
  });

  it('and when that comes after a push that failed', async () => {
    const published = publish({ push: () => failed('connection refused'), save: noSpace });

    await expect(published).rejects.toMatchObject({ type: 'EngineOutOfSpace' });
  });

  it('is not what is full when the store is, or this process’s own disk', async () => {
    const save = async (): Promise<Readable> => Readable.from([await savedByClassic(image)]);
    blobs.writeUnknown = () => Promise.reject(FULL);
    await expect(publish({ save })).rejects.toBe(FULL);

    const own = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    blobs.writeUnknown = () => Promise.reject(own);
    await expect(publish({ save })).rejects.not.toMatchObject({ type: 'EngineOutOfSpace' });
  });
});
