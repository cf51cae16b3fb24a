import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { TransferFailed } from '../../../model/errors.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { ImageInputs, StoredImage } from '../../../model/schema/plan.ts';
import type { IndexEntry } from '../../../model/schema/records.ts';
import type { LayerCache } from '../../../steps/layer-cache.ts';
import { bringLayerCache, troubleOf } from '../../../steps/layer-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const digest = (name: string): Digest => `sha256:${name.padEnd(64, '0')}`;

/** What the base of the last stage begins an image with. */
const GROUND = [digest('a'), digest('b')];
const DEBIAN = { 'debian:12': digest('d1') };
const inputs = (over: Partial<ImageInputs> = {}): ImageInputs => ({
  ...{ contextHash: 'c0', args: {}, platform: 'linux/amd64', parent: null, bases: DEBIAN },
  ...over,
});

let store: Store;
let minutes = 0;
let lent: string[] = [];
beforeEach(() => {
  store = emptyStore();
  [minutes, lent] = [0, []];
});

interface Built {
  readonly bases?: Readonly<Record<string, string>>;
  readonly parent?: string;
  readonly platform?: string;
  readonly ground?: readonly Digest[];
  readonly builtOn?: IndexEntry['builtOn'];
  readonly isDamaged?: boolean;
}

/** A later image than the ones before; gives its hash. */
async function build({ ground = GROUND, builtOn = 'classic', isDamaged, ...over }: Built): Promise<string> {
  const made = await anImage();
  if (!isDamaged) await putImage(store.blobs, made);
  minutes += 1;
  const imageHash = `${minutes}`.padStart(64, '0');
  const key = { domain: 'demo', name: 'lint', imageHash };
  await store.index.write(key, 1, {
    ...{ version: 1, ...made.stored, diffIds: [...ground, ...made.stored.diffIds], builtOn },
    ...{ taskId: imageTaskId({ ...key, level: 1 }), run: 0, inputs: inputs(over) },
    created: new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString(),
  });
  return imageHash;
}

function engineOf(
  imageStore: IndexEntry['builtOn'] = 'classic',
  lend: (tag: string) => void = () => undefined,
): Engine {
  const lendLayers = (_: StoredImage, { tag }: { readonly tag: string }): Promise<object> => {
    lend(tag);
    lent.push(tag);
    return Promise.resolve({ reference: tag });
  };
  return {
    info: () => Promise.resolve({ imageStore }),
    images: { lendLayers },
  } as unknown as Engine;
}

const { signal } = new AbortController();

/** By a classic engine, on what the last stage begins with, unless told otherwise. */
const bring = (
  over: Partial<ImageInputs> = {},
  {
    engine = engineOf(),
    index = store.index,
    ...known
  }: {
    readonly engine?: Engine;
    readonly index?: Store['index'];
    readonly ground?: readonly string[] | undefined;
  } = {},
): Promise<LayerCache | undefined> =>
  bringLayerCache(engine, {
    ...{ name: 'lint', domain: 'demo', level: 1, hold: 'h', onProgress: () => undefined, signal },
    ...{ inputs: inputs(over), ground: GROUND, store: { ...store, index }, ...known },
  });

describe('the image whose layers a build may take', () => {
  it('may lack an image that the build copies from, or have another for an earlier stage', async () => {
    const before = await build({ bases: { ...DEBIAN, 'golang:1': digest('91') } });

    const cache = await bring({
      bases: { ...DEBIAN, 'golang:1': digest('92'), 'ghcr.io/astral-sh/uv:0.5': digest('f1') },
    });

    expect(cache).toMatchObject({ imageHash: before, layers: { reference: before } });
    expect(cache).not.toHaveProperty('trouble');
    expect(cache).not.toHaveProperty('isOnOtherGround');
  });

  it('is one that was built on the same images before a newer one that only begins the same', async () => {
    const same = await build({});
    await build({ bases: { ...DEBIAN, 'golang:1': digest('91') } });

    expect((await bring())?.imageHash).toBe(same);
  });

  it('is the newest of equally near ones', async () => {
    await build({});
    const newest = await build({});

    expect((await bring())?.imageHash).toBe(newest);
  });

  it('is found behind many that were tried on another base meanwhile', async () => {
    const main = await build({});
    for (let at = 0; at < 12; at += 1)
      await build({ bases: { 'debian:13': digest('d2') }, ground: [digest('e')] });

    expect(await bring()).toMatchObject({ imageHash: main, layers: {} });
  });

  it('is not the damaged newest one where an older is whole', async () => {
    const whole = await build({});
    await build({ isDamaged: true });

    const cache = await bring();

    expect(cache).toMatchObject({ imageHash: whole, layers: {} });
    expect(cache?.trouble).toBeUndefined();
  });

  it('is none when all are damaged, which is said of the newest, and not every one of many is examined', async () => {
    for (let at = 0; at < 8; at += 1) await build({ isDamaged: true });
    const newest = await build({ isDamaged: true });
    const asked: unknown[] = [];
    const { blobs: all } = store;
    const blobs: Store['blobs'] = {
      ...all,
      read: (digest, options) => {
        asked.push(digest);
        return all.read(digest, options);
      },
      stat: (digest, signal) => {
        asked.push(digest);
        return all.stat(digest, signal);
      },
    };
    store = { ...store, blobs };

    const cache = await bring();

    expect(cache).toMatchObject({ imageHash: newest, trouble: 'parts of it are missing in the store' });
    expect(troubleOf(cache)).toBe(cache?.trouble);
    expect(new Set(asked).size).toBe(5);
    expect(lent).toEqual([]);
  });

  it('is tried alone where the engine cannot have it: another would fare no better', async () => {
    await build({});
    const newest = await build({});
    let tries = 0;
    const engine = engineOf('classic', () => {
      tries += 1;
      throw new TransferFailed('load', newest, 'EOF');
    });

    expect(await bring({}, { engine })).toMatchObject({ imageHash: newest, trouble: expect.any(String) });
    expect(tries).toBe(1);
  });

  it('is one that an engine of the same kind has built, though a nearer one is there', async () => {
    const own = await build({ bases: { ...DEBIAN, 'golang:1': digest('91') } });
    await build({ builtOn: 'containerd' });

    expect((await bring())?.imageHash).toBe(own);
  });

  it('has the layers of the parent as it is now, not of a former one of the same hash', async () => {
    await build({ bases: {}, parent: 'p0', ground: [digest('e')] });

    const cache = await bring({ bases: {}, parent: 'p0' });

    expect(cache).toMatchObject({
      isOnOtherGround: true,
      trouble: expect.stringContaining('another parent'),
    });
    expect(lent).toEqual([]);
  });

  it('is known by its parent and bases alone where nobody knows the layers of those', async () => {
    const before = await build({ bases: {}, parent: 'p0', ground: [digest('e')] });

    const cache = await bring({ bases: {}, parent: 'p0' }, { ground: undefined });

    expect(cache?.imageHash).toBe(before);
  });
});

describe('where no image begins as the build does', () => {
  const tools = { ...DEBIAN, 'tools:1': digest('71') };
  const now = { bases: { 'debian:12': digest('d2'), 'tools:1': digest('71') } };
  const ground = [digest('e')];

  it('that is said, and is no trouble for the record', async () => {
    const only = await build({ ground });

    const cache = await bring({ bases: { 'debian:12': digest('d2') } });

    expect(cache).toMatchObject({ imageHash: only, trouble: 'it stands on another parent or base' });
    expect(troubleOf(cache)).toBeUndefined();
    await build({ ground });
    expect((await bring({ bases: { 'debian:12': digest('d2') } }))?.trouble).toBe(
      'it stands on another parent or base, as do all 2 images that were looked at',
    );
  });

  it('a containerd store is lent one that shares an image, of which it reads no more than it uses', async () => {
    const before = await build({ bases: tools, ground, builtOn: 'containerd' });

    expect(await bring(now, { engine: engineOf('containerd') })).toMatchObject({
      imageHash: before,
      layers: {},
      isOnOtherGround: true,
    });
  });

  it('a classic engine is lent none, which it would have to load whole for nothing', async () => {
    await build({ bases: tools, ground });

    expect((await bring(now))?.trouble).toContain('it stands on another parent or base');
    expect(lent).toEqual([]);
  });

  it('and only another kind of engine has built one that does, it is that which is said', async () => {
    await build({ builtOn: 'containerd' });
    await build({ ground });

    expect((await bring())?.trouble).toContain('an engine of another kind');
  });

  it('nothing is said when there is no image of the name, or only of another platform', async () => {
    expect(await bring()).toBeUndefined();
    await build({ platform: 'linux/arm64' });
    expect(await bring()).toBeUndefined();
  });

  it('the search ends, however many there are', async () => {
    await build({ ground });
    let read = 0;
    const list: Store['index']['list'] = async function* (...where) {
      for await (const one of store.index.list(...where))
        for (let at = 0; at < 1000; at += 1) {
          read += 1;
          yield one;
        }
    };

    const cache = await bring({ bases: { 'debian:12': digest('d2') } }, { index: { ...store.index, list } });

    expect(cache?.trouble).toContain('as do all 40 images');
    expect(read).toBe(40);
  });
});
