import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  globSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SlipwayError } from '../../../model/errors.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { SourceTree } from '../../../model/source-tree.ts';
import type { GitSource } from '../../../source/git-source.ts';
import type { RepositoryBusy } from '../../../source/turns.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { GitRepository } from '../../helpers/git-repository.ts';
import { ELSEWHERE, onFreshMirrors } from '../../helpers/mirrored-repository.ts';
import type { MirroredRepository } from '../../helpers/mirrored-repository.ts';
import { aPushInput } from '../../helpers/push-input.ts';

// Each test runs some dozens of git processes.
jest.setTimeout(60_000);

let scratch: MirroredRepository['scratch'];
let repository: GitRepository;
let url: string;
let source: GitSource;
let mirrored: MirroredRepository;
onFreshMirrors((fresh) => {
  mirrored = fresh;
  ({ scratch, repository, url } = fresh);
  source = fresh.anotherSource();
});

function mirrors(): readonly string[] {
  return globSync(`${scratch.path}/mirrors/*.git*`);
}

/** The pack of the mirror that has an object. */
function packOf(objectId: string): string {
  const [index = ''] = globSync(`${scratch.path}/mirrors/*.git/objects/pack/*.idx`).filter((path) =>
    execFileSync('git', ['show-index'], { input: readFileSync(path), encoding: 'utf8' }).includes(objectId),
  );
  return index.replace(/idx$/, 'pack');
}

/** Leaves the first half of a pack there. */
function cutOff(pack: string): void {
  chmodSync(pack, 0o600);
  truncateSync(pack, Math.floor(statSync(pack).size / 2));
}

/** Changes some bytes of a pack, after so much of it. */
function spoil(pack: string, after: number): void {
  chmodSync(pack, 0o600);
  const file = openSync(pack, 'r+');
  writeSync(file, randomBytes(64), 0, 64, Math.floor(statSync(pack).size * after));
  closeSync(file);
}

async function contentAt(revision: string, ref?: string, from = source): Promise<string | undefined> {
  const tree = await from.open(url, { revision, ...(ref === undefined ? {} : { ref }) });
  return (await tree.readFile('a'))?.toString();
}

async function withHistory(tree: SourceTree): Promise<number> {
  return (await buffer(tree.archive(undefined, { git: { depth: 50 } }))).length;
}

describe('a mirror whose older pack is cut off', () => {
  let first: string;
  let second: string;
  beforeEach(async () => {
    first = repository.commit({ a: '1', b: 'of the first commit' });
    await contentAt(first, 'main');
    second = repository.commit({ a: '2' });
    await contentAt(second, 'main');
    cutOff(packOf(first));
  });

  it.each([
    ['by its ref', 'main'],
    ['by its id', undefined],
  ])('is made anew when a revision of it is opened %s', async (_how, ref) => {
    expect(await contentAt(first, ref)).toBe('1');
    expect(await contentAt(second, ref)).toBe('2');
    expect(mirrors()).toHaveLength(1);
  });

  it('is made anew by one of many processes that open it at once; who reads at that moment may try again', async () => {
    const patiently = async (revision: string): Promise<string | undefined> => {
      const from = mirrored.anotherSource();
      for (let left = 5; ; left -= 1) {
        try {
          return await contentAt(revision, 'main', from);
        } catch (error) {
          if (left === 0 || !(error as SlipwayError).retryable) throw error;
        }
      }
    };

    const contents = await Promise.all([first, second, first, second].map(patiently));

    expect(contents).toEqual(['1', '2', '1', '2']);
    expect(mirrors()).toHaveLength(1);
  });

  it('is made anew when what a newer revision has of it cannot be read', async () => {
    const readB = async (): Promise<string | undefined> =>
      (await (await source.open(url, { revision: second, ref: 'main' })).readFile('b'))?.toString();

    await expect(readB()).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
    expect(await readB()).toBe('of the first commit');
  });

  it('is made anew when a checkout cannot be given its history', async () => {
    const checkOut = async (): Promise<number> =>
      withHistory(await source.open(url, { revision: second, ref: 'main' }));

    await expect(checkOut()).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
    expect(await checkOut()).toBeGreaterThan(0);
  });
});

it.each([
  ['short', 2_000],
  ['long', 400_000],
])(
  'A mirror of which a %s content cannot be read is made anew, and whoever reads hears why and may try again',
  async (_what, sizeBytes) => {
    const content = randomBytes(sizeBytes);
    const revision = repository.commit({ content });
    const read = async (): Promise<Buffer | undefined> =>
      (await source.open(url, { revision, ref: 'main' })).readFile('content');
    expect(await read()).toEqual(content);
    spoil(packOf(revision), 0.5);

    const unreadable = read();
    await expect(unreadable).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
    await expect(unreadable).rejects.toThrow(/git cat-file ended early: .*corrupt/s);
    expect(await read()).toEqual(content);
    expect(mirrors()).toHaveLength(1);
  },
);

it('A mirror of which a tree cannot be read is made anew when what was changed since is asked', async () => {
  const names = Array.from({ length: 1_000 }, (_, at) => `${at}`);
  const filled = (name: string): readonly [string, string] => [name, name];
  const first = repository.commit(Object.fromEntries(names.map(filled)));
  const given = mirrored.sourceElsewhere();
  await given.open(ELSEWHERE, { revision: first });
  const gone = Object.fromEntries(names.map((name) => [name, undefined]));
  const second = repository.commit({ ...gone, other: '1' });
  await given.open(ELSEWHERE, { revision: second });
  // Commits come first, then trees.
  spoil(packOf(first), 0.25);

  const changed = async (): Promise<number | undefined> =>
    (await given.changedFiles(ELSEWHERE, first, second))?.length;
  await expect(changed()).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
  expect(await changed()).toBe(names.length + 1);
});

it('A mirror that git knows for a repository no more is made anew', async () => {
  const revision = repository.commit({ a: '1' });
  await contentAt(revision, 'main');
  const [mirror = ''] = mirrors();
  writeFileSync(`${mirror}/config`, '\0');
  expect(await contentAt(revision, 'main')).toBe('1');

  rmSync(`${mirror}/HEAD`);
  expect(await contentAt(revision, 'main')).toBe('1');
  expect(mirrors()).toEqual([mirror]);
});

it('A mirror that is whole is not made anew for a repository that answers and gives nothing', async () => {
  const revision = repository.commit({ a: '1' });
  await contentAt(revision, 'main');
  const [mirror = ''] = mirrors();
  const { ino } = statSync(mirror);
  const next = repository.commit({ a: '2' });
  const tree = repository.git('rev-parse', `${next}^{tree}`);
  rmSync(`${repository.directory}/.git/objects/${tree.slice(0, 2)}/${tree.slice(2)}`);

  await expect(contentAt(next, 'main')).rejects.toThrow('fetching failed 6 times');
  expect(statSync(mirror).ino).toBe(ino);
});

it('All mirrors may be taken away under a running process, with the git configuration that lies beside them', async () => {
  const given = mirrored.sourceElsewhere();
  const revision = repository.commit({ a: '1' });
  const read = async (): Promise<string | undefined> =>
    (await (await given.open(ELSEWHERE, { revision, ref: 'main' })).readFile('a'))?.toString();
  expect(await read()).toBe('1');

  rmSync(`${scratch.path}/mirrors`, { recursive: true });

  expect(await read()).toBe('1');
});

describe('a repository that is reached by ssh', () => {
  const SILENT = 'ssh://git.invalid/team/repository';
  const path = process.env['PATH'];
  let log: string;
  // In place of ssh: says how it was called, and nothing more until git ends.
  beforeEach(() => {
    log = `${scratch.path}/called`;
    writeFileSync(`${scratch.path}/ssh`, `#!/bin/sh\necho "$*" >> ${log}\nexec cat > /dev/null\n`, {
      mode: 0o755,
    });
    process.env['PATH'] = `${scratch.path}:${path}`;
  });
  afterEach(() => {
    process.env['PATH'] = path;
  });

  const open = (revision: string, { signal }: AbortController): Promise<unknown> =>
    source.open(SILENT, { revision: revision.repeat(40), signal }).catch((error: unknown) => error);
  const untilCalled = async (): Promise<void> => {
    while (!existsSync(log) || !readFileSync(log, 'utf8').includes('\n')) await delay(20);
  };

  it('is given up when it is silent, and asks nobody anything', async () => {
    const stopped = new AbortController();
    const opening = open('a', stopped);
    await untilCalled();
    stopped.abort();
    await opening;

    expect(readFileSync(log, 'utf8')).toMatch(
      /-oBatchMode=yes -oConnectTimeout=\d+ -oServerAliveInterval=\d+ -oServerAliveCountMax=\d+ /,
    );
  });

  it('holds up nobody who is told to stop while a fetch from it goes on', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const fetching = open('a', first);
    await untilCalled();
    const waiting = open('b', second);
    // Until it stands in the queue.
    await delay(1_000);

    const stop = new Error('enough');
    second.abort(stop);
    const outcome = await Promise.race([waiting, delay(10_000, 'it waits still', { ref: false })]);
    first.abort();
    await Promise.all([fetching, waiting]);

    expect(outcome).toBe(stop);
  });

  it('is fetched for one push: others that are planned meanwhile give back their places, and come again', async () => {
    const sources = [{ repository: SILENT, refs: { '*': 1 } }];
    const config = serverConfigSchema.parse({ version: 1, projects: { demo: { sources } } });
    const deps = { store: emptyStore(), source, config, platform: 'linux/amd64' };
    const plan = (revision: string, { signal }: AbortController): Promise<unknown> => {
      const push = aPushInput({ repository: SILENT, revision: revision.repeat(40) });
      const input = { push, pushId: idOf(push), unavailableBases: {} };
      const context = { signal, onProgress: () => undefined, isCanceled: () => false };
      return planPush(deps, input, context).catch((error: unknown) => error);
    };
    const [first, second] = [new AbortController(), new AbortController()];
    const fetching = plan('a', first);
    await untilCalled();
    const waiting = plan('b', second);

    const outcome = await Promise.race([waiting, delay(30_000, 'it waits still', { ref: false })]);
    first.abort();
    second.abort();
    await Promise.all([fetching, waiting]);

    expect(outcome).toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
    expect((outcome as RepositoryBusy).retryAfterMs).toBeGreaterThan(1_000);
  });
});
