import { randomBytes } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { readClosure } from '../../docker/endpoint/closure.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { openStore } from '../../store/open-store.ts';
import { docker, outcomesOf, statesOf } from '../helpers/live-stack.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

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

describe('a builder that has never seen an image', () => {
  it('takes the layers that did not change from the store, and says what it fetched for that', async () => {
    await using world = await World.open();
    await world.startWorker();
    const repository = await world.createRepository();
    const push = async (
      greeting: string,
    ): Promise<{ log: string; uploaded: number | undefined; states: unknown }> => {
      const revision = await repository.commit({
        'docker/greeting': greeting,
        'docker/Dockerfile':
          'FROM debian:bookworm\nRUN head -c 3000000 /dev/urandom > /heavy\nCOPY greeting /greeting\n',
        'slipway.yml': {
          version: 1,
          images: { tools: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'tools' }, command: 'cksum < /heavy', checkout: false } },
        },
      });
      const document = await world.verdict(await world.start(repository, revision));
      const [image] = document.images;
      return {
        log: await world.log(image?.taskId ?? ''),
        uploaded: image?.bytesUploaded,
        states: statesOf(document),
      };
    };
    await push('hello');
    await forgetBuilder(world);

    const second = await push('good day');

    expect(second.states).toEqual({ t: 'completed/completed' });
    expect(second.log).toMatch(
      /1 of 2 steps from the cache, for which \d{7,} bytes of image [0-9a-f]{12} were fetched/,
    );
    expect(second.uploaded).toBeLessThan(100_000);
  });

  it('takes layers of a higher level, never of a lower one, and sends again what only a lower one has stored', async () => {
    await using world = await World.open();
    await Promise.all([world.startWorker(1), world.startWorker(3)]);
    const repository = await world.createRepository({ main: 3, '*': 1 });
    const noise = randomBytes(1_000_000).toString('base64');
    const push = async (
      ref: 'main' | 'try',
      image: string,
      greeting: string,
    ): Promise<PushDocument['images'][number] & { readonly log: string }> => {
      await repository.git('checkout', '--quiet', '-B', ref);
      const revision = await repository.commit({
        [`${image}/greeting`]: greeting,
        [`${image}/noise`]: noise,
        [`${image}/Dockerfile`]:
          'FROM debian:bookworm\nCOPY noise /noise\nRUN head -c 3000000 /dev/urandom > /heavy\nCOPY greeting /greeting\n',
        'slipway.yml': {
          version: 1,
          images: { [image]: { context: image } },
          tasks: { t: { image: { 'in-tree': image }, command: 'true', checkout: false } },
        },
      });
      const document = await world.push(repository, revision, { ref: `refs/heads/${ref}` });
      expect(statesOf(document)).toEqual({ t: 'completed/completed' });
      const [built] = document.images;
      return { ...built!, log: await world.log(built!.taskId) };
    };

    const lower = await push('try', 'low', 'hello');
    const above = await push('main', 'low', 'good day');
    await push('main', 'high', 'hello');
    const below = await push('try', 'high', 'good day');

    expect(above.log).toContain('0 of 3 steps from the cache; publishing');
    // Its noise is the very blob that the lower level has stored.
    const { blobs, close } = openStore(world.connections.store);
    const [theirs, ours] = await Promise.all(
      [lower, above].map(({ manifestDigest }) => readClosure(blobs, manifestDigest as Digest)),
    );
    close();
    const shared = [...ours!.blobs.keys()].filter((digest) => theirs!.blobs.has(digest));
    expect(shared).toHaveLength(2);
    expect(above.bytesUploaded).toBeGreaterThan(3_900_000);
    expect(below.log).toMatch(
      /2 of 3 steps from the cache, for which \d{7,} bytes of image [0-9a-f]{12} were fetched/,
    );
    expect(below.bytesUploaded).toBeLessThan(100_000);
  });
});

it('A builder’s engine that knows the digest of a layer sends it all the same when only a lower level has stored it', async () => {
  await using world = await World.open();
  // One engine for both, which asks the endpoint for what it has sent before.
  const connections = { builderEngine: requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine') };
  await Promise.all(([1, 3] as const).map((level) => world.startWorker(level, ['all'], { connections })));
  const repository = await world.createRepository({ main: 3, '*': 1 });
  await repository.commit({
    'docker/noise': randomBytes(1_000_000).toString('base64'),
    'docker/Dockerfile': 'FROM debian:bookworm\nCOPY noise /noise\nCOPY greeting /greeting\n',
    'slipway.yml': {
      version: 1,
      images: { tools: { context: 'docker' } },
      tasks: { t: { image: { 'in-tree': 'tools' }, command: 'true', checkout: false } },
    },
  });
  const uploaded = async (ref: 'main' | 'try', greeting: string): Promise<number> => {
    await repository.git('checkout', '--quiet', '-B', ref);
    const revision = await repository.commit({ 'docker/greeting': greeting });
    const document = await world.push(repository, revision, { ref: `refs/heads/${ref}` });
    expect(outcomesOf(document)).toEqual({ tools: 'built' });
    return document.images[0]?.bytesUploaded ?? 0;
  };

  expect(await uploaded('try', 'one')).toBeGreaterThan(1_000_000);
  expect(await uploaded('try', 'two')).toBeLessThan(100_000);
  expect(await uploaded('main', 'three')).toBeGreaterThan(1_000_000);
  expect(await uploaded('main', 'four')).toBeLessThan(100_000);
  // The other way round it may be taken for known.
  expect(await uploaded('try', 'five')).toBeLessThan(100_000);
});

it('Levels that build in one engine find in a cache mount what their own builds have left there, and no other', async () => {
  await using world = await World.open();
  const connections = { builderEngine: requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine') };
  await Promise.all(([1, 3] as const).map((level) => world.startWorker(level, ['all'], { connections })));
  const repository = await world.createRepository({ main: 3, '*': 1 });
  const id = randomBytes(8).toString('hex');
  await repository.commit({
    'docker/Dockerfile': `FROM debian:bookworm
COPY word /word
RUN --mount=type=cache,id=${id},target=/c ls /c > /found && touch "/c/$(cat /word)"
`,
    'slipway.yml': {
      version: 1,
      images: { tools: { context: 'docker' } },
      tasks: {
        t: {
          image: { 'in-tree': 'tools' },
          command: 'echo "found <$(echo $(cat /found))>"',
          checkout: false,
        },
      },
    },
  });
  const found = async (ref: 'main' | 'try', word: string): Promise<string | undefined> => {
    await repository.git('checkout', '--quiet', '-B', ref);
    const revision = await repository.commit({ 'docker/word': word });
    const document = await world.push(repository, revision, { ref: `refs/heads/${ref}` });
    expect(statesOf(document)).toEqual({ t: 'completed/completed' });
    expect(outcomesOf(document)).toEqual({ tools: 'built' });
    return /found <([^$]*)>/.exec(await world.log(document.tasks[0]!.taskId))?.[1];
  };

  expect(await found('try', 'one')).toBe('');
  expect(await found('try', 'two')).toBe('one');
  expect(await found('main', 'three')).toBe('');
  expect(await found('main', 'four')).toBe('three');
  expect(await found('try', 'five')).toBe('one two');
});
