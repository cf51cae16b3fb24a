import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import type { Connections } from '../../model/schema/connections.ts';
import { docker, liveConnections, statesOf } from '../helpers/live-stack.ts';
import { makeModernSidecar } from '../helpers/modern-sidecar.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(300_000);

let sidecarImage: string;

beforeAll(async () => {
  sidecarImage = await makeModernSidecar();
});

/** Takes the builder's engine away with everything that it knows. */
async function forgetBuilder(world: World): Promise<void> {
  const filters = [
    '--filter',
    `label=slipway.fleet=${world.fleet}`,
    '--filter',
    'label=slipway.kind=sidecar',
  ];
  const id = (await docker('ps', '--quiet', ...filters)).trim();
  const volume = await docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', id);
  await docker('rm', '--force', id);
  await docker('volume', 'rm', volume.trim());
}

/** Changes the heavy layer in the store, behind the server's back: what the first push has added and is not small. */
async function damage(world: World, bases: readonly string[]): Promise<void> {
  const { stateDirectory } = await liveConnections();
  for (const key of await world.objects('blobs/sha256/')) {
    const path = join(stateDirectory, 'store', world.connections.store.bucket, key);
    const { size } = await stat(path);
    if (bases.includes(key) || size < 1_000_000) continue;
    const file = await open(path, 'r+');
    await file.write(randomBytes(100), 0, 100, Math.floor(size / 2));
    await file.close();
  }
}

interface Pushed {
  readonly document: PushDocument;
  readonly states: unknown;
  readonly log: string;
  readonly uploaded: number | undefined;
}

/** Pushes an image that says a greeting, with a heavy layer below that stays. */
async function pusher(world: World): Promise<(greeting: string, last?: string) => Promise<Pushed>> {
  const repository = await world.createRepository();
  return async (greeting, last = 'COPY greeting /greeting') => {
    const revision = await repository.commit({
      'docker/greeting': greeting,
      'docker/Dockerfile': `FROM debian:bookworm\nRUN head -c 3000000 /dev/urandom > /heavy\n${last}\n`,
      'slipway.yml': {
        version: 1,
        images: { tools: { context: 'docker' } },
        tasks: { t: { image: { 'in-tree': 'tools' }, command: 'cksum < /heavy', checkout: false } },
      },
    });
    const document = await world.verdict(await world.start(repository, revision));
    const [image] = document.images;
    const log = await world.log(image?.taskId ?? '');
    return { document, states: statesOf(document), log, uploaded: image?.bytesUploaded };
  };
}

const COMPLETED = { t: 'completed/completed' };

describe('a builder whose sidecar has the newest engine', () => {
  it.each(['gzip', 'zstd'] as const)(
    'takes only the layers that it needs of what was built elsewhere, from the store (%s), and builds all the same when they are damaged',
    async (layers) => {
      await using world = await World.open();
      const connections: Partial<Connections> = { sidecarImage, layers };
      await world.startWorker(1, ['all'], { connections });
      const push = await pusher(world);
      const bases = await world.objects('blobs/sha256/');
      const first = await push('hello');
      expect(first.states).toEqual(COMPLETED);
      const before = await world.objects('blobs/sha256/');

      await forgetBuilder(world);
      // It has looked at the layers and fetched none when it fails: what it remembers of them helps and harms nobody.
      const broken = await push('good day', 'ARG WHERE=absent\nCOPY $WHERE /greeting');
      expect(broken.states).toEqual({ t: 'exception/image-build-failed' });
      const second = await push('good day');
      expect(second.states).toEqual(COMPLETED);
      expect(second.log).toMatch(
        /1 of 2 steps from the cache, for which \d{7,} bytes of image [0-9a-f]{12} were fetched/,
      );
      expect(second.log).not.toContain('127.0.0.1');
      expect(second.uploaded).toBeLessThan(100_000);
      const added = (await world.objects('blobs/sha256/')).filter((key) => !before.includes(key));
      // Manifest, config, and the layer with the greeting.
      expect(added).toHaveLength(3);

      await forgetBuilder(world);
      await damage(world, bases);
      const third = await push('good evening');
      expect(third.states).toEqual(COMPLETED);
      expect(third.log).toMatch(
        /0 of 2 steps from the cache; the layers of image [0-9a-f]{12} could not be used/,
      );
    },
  );

  it('says that it knows none of the steps that another kind of engine has made, and builds', async () => {
    await using world = await World.open();
    const classic = await world.startWorker(1, ['all']);
    const push = await pusher(world);
    expect((await push('hello')).states).toEqual(COMPLETED);
    await classic.stop();
    // On the data of a classic store the newest engine would go on with that.
    await forgetBuilder(world);
    await world.startWorker(1, ['all'], { connections: { sidecarImage } });
    const second = await push('good day');
    expect(second.states).toEqual(COMPLETED);
    expect(second.log).toMatch(
      /0 of 2 steps from the cache; the layers of image [0-9a-f]{12} could not be used: an engine of another kind/,
    );
    // From now on there is an image of its own kind.
    await forgetBuilder(world);
    const third = await push('good evening');
    expect(third.states).toEqual(COMPLETED);
    expect(third.log).toMatch(/1 of 2 steps from the cache/);
  });
});
