import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pack } from 'tar-stream';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine, PublishResult } from '../../../docker/engine.ts';
import { findCacheMounts } from '../../../images/cache-mounts.ts';
import type { DockerfileMounts } from '../../../images/cache-mounts.ts';
import { NAMESPACE_ARGUMENT } from '../../../model/cache-mount.ts';
import type { Level } from '../../../model/pure/ids.ts';
import type { CacheMountsRecord } from '../../../model/schema/records.ts';
import { bringMounts } from '../../../steps/bring-mounts.ts';
import { keepMounts } from '../../../steps/keep-mounts.ts';
import { namespacesIn } from '../../../steps/mount-namespaces.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { testEngine } from '../../helpers/engine-images.ts';
import { requireEnv } from '../../helpers/require-env.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';

jest.setTimeout(300_000);

const BASE = 'debian:bookworm';
const signal = new AbortController().signal;
let directory: string;
let second: SecondEngine;
let here: Engine;
let there: Engine;
/** The first one, as one that builds for several levels. */
let shared: Engine;
let base: PublishResult;
const store = createStore(createMemoryObjectStore());

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-mounts-'));
  second = await startSecondEngine();
  const common = { blobs: store.blobs, reach: { kind: 'loopback' as const }, fleet: 'mounts' };
  const address = requireEnv('SLIPWAY_TEST_ENGINE', 'the engine of the tests');
  here = await connectEngine({ ...common, address });
  shared = await connectEngine({ ...common, address, isShared: true });
  there = await connectEngine({ ...common, address: `unix://${second.socketPath}` });
  base = await here.images.publish(BASE, { signal, mayConfirm: () => false });
  const { engineImageId } = await there.images.load(base, { tag: 'base', signal });
  await there.images.tag(engineImageId, BASE);
});

afterAll(async () => {
  await here?.close();
  await shared?.close();
  await there?.close();
  await second?.stop();
  if (directory) await rm(directory, { recursive: true });
});

/** An id that no other run of this test has used in an engine which stays. */
const own = `${Date.now()}-${process.pid}`;

const mountsOf = (flags: string): DockerfileMounts =>
  findCacheMounts(`FROM ${BASE}\nRUN ${flags} true\n`, { args: {} });

const argsOf = (namespace: string | undefined): Record<string, string> =>
  namespace === undefined ? {} : { [NAMESPACE_ARGUMENT]: namespace };

/** What a command of a build at a level prints, with those mounts. */
async function run(engine: Engine, flags: string, command: string, level: Level = 1): Promise<string> {
  const context = pack();
  // A build that takes no step from a cache has mounts of its own, so that each step is another one.
  const script = JSON.stringify(['/bin/sh', '-c', `echo "<$( ${command} )>" && : ${randomUUID()}`]);
  context.entry({ name: 'Dockerfile' }, `FROM ${BASE}\nRUN ${flags} ${script}\n`);
  context.finalize();
  let log = '';
  await engine.images.build(Readable.from(context), {
    imageName: 'mounts',
    tag: 'slipway-test/mounts:1',
    args: argsOf(namespacesIn(engine, { domain: 'd', level })(undefined)),
    network: 'none',
    onOutput: (text) => (log += text),
    signal,
  });
  await engine.images.remove('slipway-test/mounts:1');
  return /^#\d+ [\d.]+ <(.*)>$/m.exec(log)?.[1] ?? log;
}

const place = (level: Level) => ({
  ...{ store, domain: 'd', level, platform: 'linux/amd64', signal },
  tag: 'slipway.invalid/build:mounts-test',
  onProgress: () => undefined,
});

async function keep(
  engine: Engine,
  flags: string,
  { level = 1, limitBytes = 1e9 }: { readonly level?: Level; readonly limitBytes?: number } = {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const grounds = [base.manifestDigest];
  const say = (line: string): void => void said.push(line);
  await keepMounts(engine, mountsOf(flags).mounts, { ...place(level), grounds, limitBytes, say });
  return said;
}

async function bring(
  engine: Engine,
  flags: string,
  level: Level = 1,
): Promise<{ readonly said: readonly string[]; readonly counts: CacheMountsRecord | undefined }> {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const counts = await bringMounts(engine, mountsOf(flags), { ...place(level), hold: 'mounts', say });
  return { said, counts };
}

describe('what a cache mount holds', () => {
  const plain = `--mount=type=cache,id=plain-${own},target=/c`;
  const list = "cd /c && find . -exec stat -c '%n %U:%g %a %Y' {} + | sort | tr '\\n' ' ' && cat w";

  it('comes to an engine that lacks it as it was, and to nobody who has it', async () => {
    await run(
      here,
      plain,
      'cd /c && mkdir d && echo word > w && touch -d 2001-01-01 w d && ln -s w l && chown 5:6 w && chmod 4750 w && head -c 3000000 /dev/urandom > noise',
    );
    const before = await run(here, plain, list);
    expect((await keep(here, plain))[0]).toMatch(/: 3\.\d MB kept in the store, 3\.\d MB sent$/);

    const { said, counts } = await bring(there, plain);

    expect(said).toEqual([expect.stringMatching(/: 3\.\d MB brought in from the store$/)]);
    expect(counts).toMatchObject({ broughtIn: 1, missed: 0 });
    expect(await run(there, plain, list)).toBe(before);
    expect(await bring(there, plain)).toEqual({ said: [], counts: undefined });
  });

  it('is kept again only when it has changed, by whichever engine that has it', async () => {
    expect(await keep(here, plain)).toEqual([]);
    expect(await keep(there, plain)).toEqual([]);
    await run(there, plain, 'echo more >> /c/w');
    expect(await keep(there, plain)).toEqual([expect.stringContaining('kept in the store')]);
  });

  it('goes by its owner too, and is nobody else’s', async () => {
    const owned = `--mount=type=cache,id=owned-${own},target=/c,uid=7,gid=8,mode=0750,sharing=locked`;
    await run(here, owned, 'echo a > /c/a');
    await keep(here, owned);
    await bring(there, owned);
    expect(await run(there, owned, 'stat -c %u:%g:%a /c | tr -d "\\n"; cat /c/a')).toBe('7:8:750a');
    expect(await run(there, `--mount=type=cache,id=owned-${own},target=/c`, 'ls -A /c')).toBe('');
  });

  it('is read from higher levels and from no lower one', async () => {
    const flags = `--mount=type=cache,id=level-${own},target=/c`;
    await run(here, flags, 'echo a > /c/a');
    await keep(here, flags, { level: 1 });
    expect((await bring(there, flags, 3)).counts).toBeUndefined();
    const higher = `--mount=type=cache,id=higher-${own},target=/c`;
    await run(here, higher, 'echo a > /c/a');
    await keep(here, higher, { level: 3 });
    expect((await bring(there, higher, 1)).counts).toMatchObject({ broughtIn: 1 });
    expect(await keep(there, higher, { level: 1 })).toEqual([]);
  });

  it('stays where it is when it is empty or too large, or has no image to be reached from', async () => {
    const flags = `--mount=type=cache,id=large-${own},target=/c`;
    await run(here, flags, 'true');
    expect(await keep(here, flags)).toEqual([]);
    await run(here, flags, 'head -c 3000000 /dev/zero > /c/a');
    expect(await keep(here, flags, { limitBytes: 1_000_000 })).toEqual([
      expect.stringContaining('left out: 3.0 MB, and at most 1.0 MB are kept'),
    ]);
    expect((await bring(there, flags)).counts).toBeUndefined();
  });

  it('leaves no copy of it in the engine that it was kept from', async () => {
    const flags = `--mount=type=cache,id=copied-${own},target=/c`;
    await run(there, flags, 'echo a > /c/a');
    expect(await keep(there, flags)).toHaveLength(1);

    const { BuildCache = [] } = (await second.docker.df()) as {
      readonly BuildCache?: readonly { readonly Description: string }[];
    };
    expect(BuildCache.filter(({ Description }) => Description.includes('/slipway-out && cp'))).toEqual([]);
    expect(await there.images.find('slipway.invalid/build:mounts-test')).toBeUndefined();
  });

  it('is each level’s own in an engine that builds for several, which the store knows as what any engine has', async () => {
    const flags = `--mount=type=cache,id=levels-${own},target=/c`;
    await run(shared, flags, 'echo a > /c/a');
    expect(await run(shared, flags, 'ls -A /c', 3)).toBe('');
    expect(await run(here, flags, 'ls -A /c')).toBe('');
    expect(await keep(shared, flags, { level: 3 })).toEqual([]);
    expect((await bring(there, flags, 3)).counts).toBeUndefined();

    expect(await keep(shared, flags)).toEqual([expect.stringContaining('kept in the store')]);
    expect((await bring(there, flags)).counts).toMatchObject({ broughtIn: 1 });
    expect(await run(there, flags, 'cat /c/a')).toBe('a');

    await run(shared, flags, 'echo b > /c/b', 3);
    await keep(shared, flags, { level: 3 });
    expect(await run(shared, flags, 'ls -A /c')).toBe('a');
  });
});

it('The namespace of cache mounts is nowhere in an image', async () => {
  const context = pack();
  context.entry(
    { name: 'Dockerfile' },
    `FROM ${BASE}\nARG A=1\nRUN --mount=type=cache,id=x-${own},target=/c : ${randomUUID()}\n`,
  );
  context.finalize();
  const namespace = randomUUID();
  const tag = 'slipway-test/namespace:1';
  await here.images.build(Readable.from(context), {
    ...{ imageName: 'namespace', tag, network: 'none', onOutput: () => undefined, signal },
    args: argsOf(namespace),
  });

  const image = testEngine().getImage(tag);
  const told = JSON.stringify([await image.inspect(), await image.history()]);
  await here.images.remove(tag);
  expect(told).toContain('RUN |1 A=1 /bin/sh -c');
  expect(told).not.toContain(namespace);
});
