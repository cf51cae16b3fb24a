import type { Readable } from 'node:stream';
import { expect, it } from '@jest/globals';
import type { BuildOptions, Engine } from '../../../docker/engine.ts';
import { describeImages } from '../../../images/describe-images.ts';
import { NAMESPACE_ARGUMENT } from '../../../model/cache-mount.ts';
import type { Level } from '../../../model/pure/ids.ts';
import { bringMounts } from '../../../steps/bring-mounts.ts';
import { buildInEngine, openVerified } from '../../../steps/build-in-engine.ts';
import { mountsOfBuild } from '../../../steps/mounts-of-build.ts';
import { namespacesIn } from '../../../steps/mount-namespaces.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const { signal } = new AbortController();

interface Wanted {
  readonly isShared: boolean;
  readonly level?: Level;
  readonly domain?: string;
  readonly written?: string;
}

/** The namespaces that an engine is told when a build looks into a mount that the store has, and when it builds. */
async function told({ isShared, level = 1, domain = 'demo', written }: Wanted): Promise<{
  readonly look: string | undefined;
  readonly build: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly imageHash: string | null;
}> {
  const store = emptyStore();
  const { stored } = await putImage(store.blobs, await anImage({ contents: [Buffer.from('base')] }));
  const platform = 'linux/amd64';
  const record = { version: 1 as const, ...stored, platform };
  const made = { created: '2026-01-01T00:00:00.000Z', content: 'c', contentBytes: 1 };
  // The store knows it by what its author wrote.
  const mount = { id: '/c', ...(written === undefined ? {} : { namespace: written }) };
  await store.mounts.record(domain, 3, mount, { ...record, ...made, id: '/c' });

  const args: Record<string, string> = written === undefined ? {} : { [NAMESPACE_ARGUMENT]: written };
  const tree = memoryTree({ 'a/Dockerfile': 'FROM debian:12\nRUN --mount=type=cache,target=/c make\n' });
  const { images } = await describeImages(tree, { a: { context: 'a', args } }, ['a'], {
    platform,
    resolveBase: () => Promise.resolve(stored.manifestDigest),
  });
  const { inputs, imageHash } = images[0]!;
  const image = { name: 'a', context: 'a', hasParent: false, inputs, imageHash: imageHash! };
  const buildContext = await openVerified(tree, image, signal);

  const asked: (readonly [string, Readonly<Record<string, string>>])[] = [];
  const engine = {
    isShared,
    info: () => Promise.resolve({ version: '20.10.24', imageStore: 'classic' }),
    images: {
      load: () => Promise.resolve({ engineImageId: 'sha256:1', bytesLoaded: 0, way: 'present' }),
      describe: () => Promise.resolve({ createdMs: 0, engineImageId: 'sha256:1', layers: stored.diffIds }),
      build: (context: Readable, { imageName, args }: BuildOptions) => {
        context.destroy();
        asked.push([imageName, args]);
        return Promise.resolve({ engineImageId: 'sha256:2', steps: 1, cachedSteps: 0 });
      },
      remove: () => Promise.resolve(),
      release: () => Promise.resolve(),
    },
  } as unknown as Engine;
  const common = { store, domain, level, onProgress: () => undefined, signal };
  await bringMounts(engine, mountsOfBuild(buildContext, inputs), {
    ...{ ...common, platform, hold: 'h', tag: 'slipway.invalid/build:m', say: () => undefined },
  });
  await buildInEngine(
    engine,
    { name: 'a', inputs, buildContext, baseImages: { 'debian:12': stored } },
    {
      ...common,
      tag: 'slipway.invalid/build:t',
      parentTag: 'slipway.invalid/parent:t',
      onOutput: () => undefined,
    },
  );
  const [look, build] = ['cache mounts', 'a'].map((name) => asked.find(([asking]) => asking === name)?.[1]);
  expect(look).toBeDefined();
  return {
    look: look?.[NAMESPACE_ARGUMENT],
    build: build?.[NAMESPACE_ARGUMENT],
    args: inputs.args,
    imageHash,
  };
}

it('An engine of one trust domain and level is told the namespace of cache mounts as it is written', async () => {
  expect(await told({ isShared: false })).toMatchObject({ look: undefined, build: undefined });
  expect(await told({ isShared: false, written: 'ns' })).toMatchObject({ look: 'ns', build: 'ns' });
});

it('An engine that may build for several is told another one for each domain, level and written one, in every build of a kind', async () => {
  const each = [
    await told({ isShared: true }),
    await told({ isShared: true, level: 3 }),
    await told({ isShared: true, domain: 'demo~pr1' }),
    await told({ isShared: true, written: 'ns' }),
  ];

  const namespaces = each.map(({ build }) => build);
  expect(new Set(namespaces).size).toBe(4);
  for (const { look, build } of each) {
    expect(build).toMatch(/^[0-9a-f]{64}$/);
    expect(look).toBe(build);
  }
  expect((await told({ isShared: true })).build).toBe(namespaces[0]);
});

it('The hash of an image knows nothing of it', async () => {
  const here = await told({ isShared: false });
  const shared = await told({ isShared: true, level: 3 });

  expect(shared.imageHash).toBe(here.imageHash);
  expect(shared.args).toEqual({});
});

it('An empty namespace is none', () => {
  const of = namespacesIn({ isShared: true }, { domain: 'demo', level: 1 });

  expect(of('')).toBe(of(undefined));
});
