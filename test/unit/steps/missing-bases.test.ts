import { beforeEach, afterEach, describe, expect, it, jest } from '@jest/globals';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { PlannedPush } from '../../../model/pure/payloads.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { createGitSource } from '../../../source/git-source.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

jest.setTimeout(60_000);

const AMD64 = { platform: 'linux/amd64', reference: 'debian:12' };
const ARM64 = { platform: 'linux/arm64', reference: 'debian:12' };
const FILES = {
  'docker/Dockerfile': 'FROM debian:12\n',
  'slipway.yml': `version: 1
images:
  own: { context: docker }
  arm: { context: docker, platform: linux/arm64 }
tasks:
  a: { image: { in-tree: own }, command: 'true' }
  b: { image: { in-tree: arm }, command: 'true' }
`,
};

let scratch: ReturnType<typeof scratchDirectory>;
let store: Store;
beforeEach(() => {
  scratch = scratchDirectory();
  store = createStore(createMemoryObjectStore());
});
afterEach(() => scratch[Symbol.dispose]());

async function plan(
  unavailableBases: Readonly<Record<string, string>> = {},
  troubledBases: readonly string[] = [],
): Promise<PlannedPush> {
  const repository = new GitRepository(`${scratch.path}/repository`);
  const url = `file://${repository.directory}`;
  const revision = repository.commit(FILES);
  const config = serverConfigSchema.parse({
    version: 1,
    projects: { demo: { sources: [{ repository: url, refs: { main: 1 } }] } },
  });
  const push = {
    ...{ project: 'demo', level: 1 as const, repository: url, ref: 'refs/heads/main', revision },
    ...{ request: {}, pushedBy: 'somebody', received: '2026-01-01T00:00:00.000Z' },
  };
  const source = createGitSource({ mirrorsDirectory: `${scratch.path}/mirrors`, allowFile: true });
  const deps = { store, source, config, platform: 'linux/amd64' };
  const context = {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    isCanceled: () => false,
  };
  return planPush(deps, { push, pushId: pushIdOf(push), unavailableBases, troubledBases }, context);
}

async function record(base: typeof AMD64): Promise<void> {
  const { stored } = await putImage(store.blobs, await anImage());
  const resolved = '2026-01-01T00:00:00.000Z';
  await store.index.recordBase('demo', 1, { version: 1, ...base, ...stored, resolved, source: 'pulled' });
}

describe('a push with images of one base for several platforms', () => {
  it('names each platform for which the base has no record', async () => {
    expect(await plan()).toMatchObject({ outcome: 'bases-missing', bases: [AMD64, ARM64] });
  });

  it('goes on when the base is not to be had for one of them, whose image alone cannot be built', async () => {
    await record(AMD64);

    const planned = await plan({ 'linux/arm64 debian:12': 'it is for linux/amd64' });

    expect(planned).toMatchObject({ outcome: 'planned' });
    const images = planned.outcome === 'planned' ? planned.images : [];
    expect(images.map(({ name, unavailable, troubled }) => [name, unavailable, troubled])).toEqual([
      ['own', undefined, undefined],
      ['arm', 'Base image "debian:12" cannot be had: it is for linux/amd64', undefined],
    ]);
  });

  it('says of an image whose base is kept away by trouble that this is not its author’s', async () => {
    await record(AMD64);
    const key = 'linux/arm64 debian:12';

    const planned = await plan({ [key]: 'The disk of the Docker Engine is full' }, [key]);

    const images = planned.outcome === 'planned' ? planned.images : [];
    expect(images.at(-1)).toMatchObject({
      name: 'arm',
      troubled: true,
      unavailable:
        'Base image "debian:12" could not be brought into the store: The disk of the Docker Engine is full',
    });
  });

  it('extends the life of the base for each', async () => {
    for (const base of [AMD64, ARM64]) await record(base);

    await plan();

    for (const { platform, reference } of [AMD64, ARM64])
      expect(await store.index.findBase('demo', platform, reference, 1)).toMatchObject({
        used: expect.any(String),
      });
  });
});
