import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Level } from '../../model/pure/ids.ts';
import type { OpenStore } from '../../store/open-store.ts';
import { openStore } from '../../store/open-store.ts';
import { HARM } from '../helpers/harm.ts';
import { liveConnections, statesOf, until } from '../helpers/live-stack.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { forgetSidecars } from '../helpers/sidecars.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const MOUNTS =
  '--mount=type=cache,target=/plain --mount=type=cache,id=owned,target=/owned,uid=7,gid=8,mode=0750,sharing=locked';

let world: World;
let store: OpenStore;
let repository: TestRepository;
beforeAll(async () => {
  world = await World.open();
  store = openStore(world.connections.store);
  await world.startWorker(1);
  await world.startWorker(3);
  repository = await world.createRepository({ 'release/*': 3, '*': 1 });
});
afterAll(async () => {
  store?.close();
  await world?.[Symbol.asyncDispose]();
});

/** Builds an image that adds a word to what it finds in its mounts, and tells what it found. */
async function build(
  word: string,
  { level = 1, mounts = MOUNTS }: { readonly level?: Level; readonly mounts?: string } = {},
): Promise<{ readonly found: string; readonly log: string; readonly taskId: string }> {
  const revision = await repository.commit({
    'docker/Dockerfile':
      `FROM debian:bookworm AS made\nARG WORD\nRUN ${mounts} mkdir -p /plain/deep /owned ` +
      "&& echo \"found <$(cat /plain/deep/words | tr '\\n' ' ')> $(stat -c %u:%g:%a /owned) <$(cat /owned/words | tr '\\n' ' ')>\" " +
      `&& echo ${word} >> /plain/deep/words && echo ${word} >> /owned/words && chown 5:6 /plain/deep/words\n`,
    'slipway.yml': {
      version: 1,
      images: { tools: { context: 'docker' } },
      tasks: { t: { image: { 'in-tree': 'tools' }, command: 'true', checkout: false } },
    },
  });
  const ref = level === 3 ? 'refs/heads/release/1' : 'refs/heads/main';
  if (level === 3) await repository.git('branch', '--force', 'release/1');
  const document = await world.verdict(await world.start(repository, revision, { ref }));
  expect(statesOf(document)).toEqual({ t: 'completed/completed' });
  const taskId = document.images[0]?.taskId ?? '';
  const log = await world.log(taskId);
  return { found: /^#\d+ [\d.]+ found (.*)$/m.exec(log)?.[1] ?? log, log, taskId };
}

const kept = (level: Level): Promise<readonly string[]> => world.objects(`level-${level}/index/e2e/mounts/`);

/** Waits until the content that the last build has left is kept: who waits for an image does not wait for that. */
async function untilKept(level: Level, before: ReadonlySet<string>): Promise<void> {
  await until(async () => {
    const keys = await kept(level);
    const now = await Promise.all(keys.map((key) => world.object(key)));
    return keys.length === 2 && now.every((text) => !before.has(text));
  });
}

const contents = async (level: Level): Promise<ReadonlySet<string>> =>
  new Set(await Promise.all((await kept(level)).map((key) => world.object(key))));

describe('cache mounts', () => {
  it('of a builder that is gone with all that it had are there for the next one, as they were', async () => {
    const first = await build('one');
    expect(first.found).toBe('<> 7:8:750 <>');
    await untilKept(1, new Set());
    await forgetSidecars(world);

    const second = await build('two');

    expect(second.found).toBe('<one > 7:8:750 <one >');
    expect(second.log).toMatch(/cache mount \/plain: [\d.]+ kB brought in from the store/);
    expect(second.log).toMatch(/cache mount owned: [\d.]+ kB brought in from the store/);
    const record = await store.tasks.find(second.taskId);
    expect(record?.runs[0]?.cacheMounts).toMatchObject({ broughtIn: 2, missed: 0 });
  });

  it('that a builder has are left alone', async () => {
    const { found, log } = await build('three');

    expect(found).toBe('<one two > 7:8:750 <one two >');
    expect(log).not.toContain('brought in');
  });

  it('of a level are read by lower ones and never by higher ones', async () => {
    const release = await build('release', { level: 3 });
    expect(release.found).toBe('<> 7:8:750 <>');
    expect(release.log).not.toContain('cache mount /');
    await untilKept(3, new Set());
    const before = await contents(3);
    await forgetSidecars(world);

    const lower = await build('four');

    expect(lower.found).toBe('<release > 7:8:750 <release >');
    await build('five');
    expect(await contents(3)).toEqual(before);
  });

  it.each(['changed', 'missing'] as const)(
    'whose image is damaged (%s) are begun anew, kept again, and cost no build',
    async (harm) => {
      const [key = ''] = (await kept(3)).filter((one) => one.includes('plain'));
      const [digest = ''] = layersOf(await manifestOf(await world.object(key)));
      const directory = join(
        (await liveConnections()).stateDirectory,
        'store',
        world.connections.store.bucket,
      );
      const before = await contents(3);
      await forgetSidecars(world);
      await HARM[harm](join(directory, 'blobs/sha256', digest.replace('sha256:', '')));

      const { found, log, taskId } = await build(`after-${harm}`, { level: 3 });

      expect(found).toMatch(/^<> 7:8:750 <.+>$/);
      expect(log).toMatch(/cache mount \/plain: could not be brought in: .+/);
      expect((await store.tasks.find(taskId))?.runs[0]?.cacheMounts).toMatchObject({
        broughtIn: 1,
        missed: 1,
      });
      await untilKept(3, before);
      await forgetSidecars(world);
      expect((await build(`again-${harm}`, { level: 3 })).found).toContain(`after-${harm}`);
    },
  );

  it('of another name are other ones, and one that cannot be known is said to stay', async () => {
    const { found, log } = await build('six', {
      mounts: '--mount=type=cache,id=other,target=/plain --mount=type=cache,id=x-$WORD,target=/owned',
    });
    expect(found).toMatch(/^<> \S+ <>$/);
    expect(log).toContain('cache mount x-$WORD: stays where it is built, since');
  });
});

async function manifestOf(record: string): Promise<string> {
  const { manifestDigest } = JSON.parse(record) as { manifestDigest: string };
  return world.object(`blobs/sha256/${manifestDigest.replace('sha256:', '')}`);
}

function layersOf(manifest: string): readonly string[] {
  return (JSON.parse(manifest) as { layers: { digest: string }[] }).layers.map(({ digest }) => digest);
}
