import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openCheckout } from '../../../source/git-source.ts';
import { WholeObjects } from '../../../source/whole-objects.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

const scratch = scratchDirectory();
afterAll(() => scratch[Symbol.dispose]());

/** Small and empty ones, text and noise, one that is streamed, and some that come in versions which git keeps as differences. */
function contents(version: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at < 40; at += 1) {
    files.set(`noise${at}`, createHash('sha512').update(String(at)).digest().subarray(at));
    files.set(`text${at}`, Buffer.from(`${at} is a number\n`.repeat(at * 50)));
    files.set(`versions${at}`, Buffer.from(`${'a line\n'.repeat(500)}${version} of ${at}\n`));
  }
  files.set('large', Buffer.alloc(3_000_000, 'large '));
  files.set('empty', Buffer.alloc(0));
  return files;
}

const WAYS: Readonly<Record<string, (repository: GitRepository) => void>> = {
  'in files of their own': () => undefined,
  'in a pack': (repository) => repository.git('repack', '-q', '-a', '-d', '-f'),
  'in a pack and in files': (repository) => {
    repository.git('repack', '-q', '-a', '-d');
    repository.commit({ late: 'late', later: 'later' });
  },
  'in another repository': (repository) => {
    repository.git('clone', '--quiet', '--bare', '.', '../other.git');
    const alternates = `${repository.directory}/.git/objects/info/alternates`;
    writeFileSync(alternates, `${scratch.path}/other.git/objects\n`);
    repository.git('repack', '-q', '-a', '-d', '-l');
  },
};

describe.each(Object.entries(WAYS))('objects %s', (_, pack) => {
  let repository: GitRepository;
  let revision: string;
  beforeAll(() => {
    repository = new GitRepository(`${scratch.path}/${randomBytes(4).toString('hex')}`);
    repository.commit(Object.fromEntries(contents(1)));
    revision = repository.commit(Object.fromEntries(contents(2)));
    pack(repository);
    revision = repository.git('rev-parse', 'HEAD');
  });

  it.each([1, 2])('are read as they are, in any order, some passed over (%i)', async (version) => {
    const tree = openCheckout(repository.directory, version === 2 ? revision : firstOf(repository));
    const entries = (await tree.list('')).toReversed();
    const wanted = [...entries.filter((_, at) => at % 3 > 0), ...entries];
    const known = contents(version);
    const wrong: string[] = [];
    let at = 0;

    for await (const { entry, sizeBytes, body } of tree.readMany(wanted)) {
      expect(entry).toBe(wanted[at++]);
      if (at % 5 === 0) continue;
      const content = await buffer(body);
      const right = known.get(entry.path) ?? Buffer.from(entry.path);
      if (!content.equals(right) || sizeBytes !== right.length) wrong.push(entry.path);
    }

    expect(wrong).toEqual([]);
    expect(at).toBe(wanted.length);
  });
});

function firstOf(repository: GitRepository): string {
  return repository.git('rev-list', '--max-parents=0', 'HEAD');
}

describe('WholeObjects', () => {
  let repository: GitRepository;
  let ids: string[];
  beforeAll(async () => {
    repository = new GitRepository(`${scratch.path}/packed`);
    repository.commit(Object.fromEntries(contents(1)));
    const revision = repository.commit(Object.fromEntries(contents(2)));
    repository.git('repack', '-q', '-a', '-d', '-f');
    const entries = await openCheckout(repository.directory, revision).list('');
    ids = entries.map(({ objectId }) => objectId);
  });

  it('has what a pack holds whole, and nothing of what it holds as a difference', async () => {
    await using whole = await WholeObjects.open(repository.directory, ids);

    const verified = repository.git('verify-pack', '-v', globSync(`${packsOf(repository)}/*.idx`)[0] ?? '');
    const isWhole = (id: string): boolean => new RegExp(`^${id} blob +\\S+ \\S+ \\S+$`, 'm').test(verified);
    expect(ids.filter((id) => whole.has(id))).toEqual(ids.filter(isWhole));
    expect(ids.filter((id) => whole.has(id)).length).toBeGreaterThan(80);
  });

  it('goes on with what it has opened when git packs anew meanwhile', async () => {
    await using whole = await WholeObjects.open(repository.directory, ids);
    const wanted = ids.filter((id) => whole.has(id));
    repository.commit({ more: 'more' });
    repository.git('repack', '-q', '-a', '-d', '-f', '--depth=1');

    const found: (string | undefined)[] = [];
    for await (const object of whole.read(wanted)) found.push(object && idOf(await buffer(object.body)));

    expect(found).toEqual(wanted);
  });

  it('leaves what is damaged to git, which complains of it', async () => {
    const revision = repository.git('rev-parse', 'HEAD');
    const [path = ''] = globSync(`${packsOf(repository)}/*.pack`);
    const bytes = readFileSync(path);
    chmodSync(path, 0o600);
    writeFileSync(path, Buffer.from(bytes.map((byte, at) => (at > 50 && at % 50 === 0 ? byte ^ 1 : byte))));
    const tree = openCheckout(repository.directory, revision);
    const entries = ids.map((objectId) => ({ path: objectId, kind: 'file', objectId }) as const);

    const reading = (async () => {
      for await (const { body } of tree.readMany(entries)) await buffer(body);
    })();

    await expect(reading).rejects.toThrow();
  });

  it.each(['sha1', 'sha256'])('reads repositories of %s', async (format) => {
    const directory = `${scratch.path}/${format}`;
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8' }).trim();
    execFileSync('git', ['init', '--quiet', '--bare', `--object-format=${format}`, directory]);
    const made = Array.from({ length: 60 }, (_, at) =>
      execFileSync('git', ['-C', directory, 'hash-object', '-w', '--stdin'], { input: `content ${at}` }),
    ).map(String);
    const input = made.join('');
    execFileSync('git', ['-C', directory, 'pack-objects', '--quiet', 'objects/pack/pack'], { input });
    git('prune-packed');
    const wanted = made.map((id) => id.trim());

    await using whole = await WholeObjects.open(directory, wanted);
    const found: (string | undefined)[] = [];
    for await (const object of whole.read(wanted))
      found.push((object && (await buffer(object.body)))?.toString());

    expect(found).toEqual(wanted.map((_, at) => `content ${at}`));
  });
});

function packsOf(repository: GitRepository): string {
  return `${repository.directory}/.git/objects/pack`;
}

function idOf(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
