import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { createGitSource, openCheckout } from '../../../source/git-source.ts';
import type { GitSource } from '../../../source/git-source.ts';
import { GitRepository } from '../../helpers/git-repository.ts';
import { ELSEWHERE, onFreshMirrors } from '../../helpers/mirrored-repository.ts';
import type { MirroredRepository } from '../../helpers/mirrored-repository.ts';

const NO_REVISION = '0123456789'.repeat(4);

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

/** A clone without the contents that it does not need to check out, from where it is read from now on. */
function partialClone(...options: readonly string[]): string {
  const directory = `${scratch.path}/partial`;
  repository.git('config', 'uploadpack.allowFilter', 'true');
  const quiet = ['--quiet', '--config=gc.auto=0', '--config=maintenance.auto=false'];
  repository.git('clone', ...quiet, '--filter=blob:none', ...options, url, directory);
  url = `file://${directory}`;
  return directory;
}

async function contentAt(revision: string, ref?: string): Promise<string | undefined> {
  const tree = await source.open(url, { revision, ...(ref === undefined ? {} : { ref }) });
  return (await tree.readFile('a'))?.toString();
}

/** The tags of the `.git` that comes with a revision, with what they lead to. */
async function tagsAt(revision: string, ref?: string): Promise<string> {
  const tree = await source.open(url, { revision, ...(ref === undefined ? {} : { ref }) });
  const directory = mkdtempSync(`${scratch.path}/unpacked-`);
  execFileSync('tar', ['-x', '-f', '-', '-C', directory], {
    input: await buffer(tree.archive(undefined, { git: { depth: 50 } })),
  });
  const format =
    '--format=%(refname:short) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)';
  return execFileSync('git', ['for-each-ref', format], { cwd: directory, encoding: 'utf8' }).trim();
}

/** Makes a pack of one content, as a fetch would, and gives its id. */
function packed(mirror: string, content: string): string {
  const git = (args: readonly string[], input: string): string =>
    execFileSync('git', ['-C', mirror, ...args], { input, encoding: 'utf8' }).trim();
  const id = git(['hash-object', '-w', '--stdin'], content);
  git(['pack-objects', '--quiet', 'objects/pack/pack'], `${id}\n`);
  rmSync(`${mirror}/objects/${id.slice(0, 2)}/${id.slice(2)}`);
  return id;
}

describe('GitSource.open', () => {
  it('obeys the git configuration that it is given, and no other process that shares the mirrors takes it away', async () => {
    const given = mirrored.sourceElsewhere(url);
    const read = async (from: GitSource, content: string): Promise<string | undefined> => {
      const revision = repository.commit({ a: content });
      return (await (await from.open(ELSEWHERE, { revision, ref: 'main' })).readFile('a'))?.toString();
    };

    expect(await read(given, '1')).toBe('1');
    await expect(read(mirrored.anotherSource(), '2')).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
    });
    expect(await read(given, '3')).toBe('3');
  });

  it('reads a revision that is reachable from its ref', async () => {
    const first = repository.commit({ a: '1' });
    const second = repository.commit({ a: '2' });

    expect(await contentAt(first, 'main')).toBe('1');
    expect(await contentAt(second, 'refs/heads/main')).toBe('2');
  });

  it('sees what was pushed since', async () => {
    await contentAt(repository.commit({ a: '1' }), 'main');

    expect(await contentAt(repository.commit({ a: '2' }), 'main')).toBe('2');
  });

  it('keeps one mirror for a repository and reads from it when the ref is gone', async () => {
    const revision = repository.commit({ a: '1' });
    await contentAt(revision, 'main');
    await contentAt(revision);

    repository.git('symbolic-ref', 'HEAD', 'refs/heads/other');
    repository.git('update-ref', '-d', 'refs/heads/main');

    expect(await contentAt(revision)).toBe('1');
    expect(readdirSync(`${scratch.path}/mirrors`).filter((name) => name.endsWith('.git'))).toHaveLength(1);
  });

  it('refuses a revision of another branch', async () => {
    repository.commit({ a: '1' });
    repository.git('checkout', '--quiet', '-b', 'other');
    const revision = repository.commit({ a: '2' });

    await expect(contentAt(revision, 'main')).rejects.toThrow('is not reachable from refs/heads/main');
    await expect(contentAt(revision, 'main')).rejects.toMatchObject({ type: 'RevisionNotFound', revision });
    expect(await contentAt(revision, 'other')).toBe('2');
  });

  it('takes a short ref for a branch although a tag has its name', async () => {
    repository.commit({ a: '1' });
    repository.git('checkout', '--quiet', '--detach');
    const revision = repository.commit({ a: '2' });
    repository.git('tag', 'main', revision);

    await expect(contentAt(revision, 'main')).rejects.toMatchObject({ type: 'RevisionNotFound' });
    expect(await contentAt(revision, 'refs/tags/main')).toBe('2');
  });

  it('reads what was pushed over by force, but no longer as that ref', async () => {
    const dropped = repository.commit({ a: 'dropped' });
    repository.git('commit', '--quiet', '--amend', '--message', 'other');
    const current = repository.commit({ a: 'current' });

    expect(await contentAt(dropped)).toBe('dropped');
    expect(await contentAt(current, 'main')).toBe('current');
    await expect(contentAt(dropped, 'main')).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('follows a branch that was moved back', async () => {
    const first = repository.commit({ a: '1' });
    const second = repository.commit({ a: '2' });
    await contentAt(second, 'main');
    repository.git('reset', '--quiet', '--hard', first);

    expect(await contentAt(first, 'main')).toBe('1');
    await expect(contentAt(second, 'main')).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('follows a branch that made room for branches below its name', async () => {
    repository.git('checkout', '--quiet', '-b', 'topic');
    await contentAt(repository.commit({ a: '1' }), 'topic');
    repository.git('branch', '--quiet', '--move', 'topic', 'topic/below');

    expect(await contentAt(repository.commit({ a: '2' }), 'topic/below')).toBe('2');
  });

  it('says that the ref is gone when it was deleted', async () => {
    const revision = repository.commit({ a: '1' });
    repository.git('branch', 'keep');

    await expect(contentAt(revision, 'gone')).rejects.toThrow(
      'refs/heads/gone, which is not in the repository',
    );
    await expect(contentAt(revision, 'gone')).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('reads a shallow repository as far as it goes', async () => {
    repository.commit({ a: '1' });
    const lost = repository.commit({ a: '2' });
    const tip = repository.commit({ a: '3' });
    repository.git('clone', '--quiet', '--depth=1', '--bare', url, `${scratch.path}/shallow.git`);
    url = `file://${scratch.path}/shallow.git`;

    expect(await contentAt(tip, 'main')).toBe('3');
    await expect(contentAt(lost)).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('refuses a partial clone for good until it was made whole as the refusal says', async () => {
    const first = repository.commit({ a: '1' });
    const revision = repository.commit({ a: '2' });
    const directory = partialClone();

    const refusal = await contentAt(revision, 'main').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ type: 'RepositoryUnavailable', retryable: false });
    await expect(contentAt(revision)).rejects.toMatchObject({ retryable: false });
    const [, advice = ''] = /it is a partial clone, .* type there: (.*)$/.exec(String(refusal)) ?? [];
    execFileSync('sh', ['-c', advice], { cwd: directory });

    expect(await contentAt(revision, 'main')).toBe('2');
    expect(await contentAt(first, 'main')).toBe('1');
  });

  it('reads a partial clone that lacks nothing of what is wanted', async () => {
    repository.commit({ a: '1' });
    const revision = repository.commit({ a: '2' });
    partialClone('--depth=1');

    expect(await contentAt(revision, 'main')).toBe('2');
  });

  it('says when the revision is not in the repository, or no revision at all', async () => {
    repository.commit({ a: '1' });

    await expect(contentAt(NO_REVISION)).rejects.toMatchObject({ type: 'RevisionNotFound' });
    await expect(contentAt(NO_REVISION, 'main')).rejects.toMatchObject({ type: 'RevisionNotFound' });
    await expect(contentAt('main')).rejects.toThrow('is not a full commit id');
  });

  it.each(['-x', '--upload-pack=x', 'a..b', 'a b', 'a:b', '*', 'main^', 'x.lock'])(
    'refuses the ref %j',
    async (ref) => {
      const revision = repository.commit({ a: '1' });

      await expect(contentAt(revision, ref)).rejects.toMatchObject({ type: 'RevisionNotFound' });
    },
  );

  it('says when the repository is not there', async () => {
    url = `file://${scratch.path}/nowhere`;

    await expect(contentAt(NO_REVISION, 'main')).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
      retryable: true,
    });
    await expect(contentAt(NO_REVISION)).rejects.toMatchObject({ type: 'RepositoryUnavailable' });
  });

  it('has the tags that lead to a revision, as they are when it comes, or when another one does', async () => {
    const first = repository.commit({ a: '1' });
    repository.git('tag', 'v1');
    repository.git('tag', 'latest');
    repository.git('checkout', '--quiet', '-b', 'other');
    repository.commit({ b: '1' });
    repository.git('tag', 'elsewhere');
    repository.git('checkout', '--quiet', 'main');
    const second = repository.commit({ a: '2' });

    expect(await tagsAt(first, 'main')).toBe(`latest ${first}\nv1 ${first}`);
    // One becomes a directory, which git refuses as long as the other is there.
    repository.git('tag', '-d', 'v1');
    repository.git('tag', '-a', 'v1/0', '-m', 'annotated', first);
    repository.git('tag', '-f', 'latest', second);
    expect(await tagsAt(second, 'main')).toBe(`latest ${second}\nv1/0 ${first}`);
    expect(await tagsAt(first)).toBe(`v1/0 ${first}`);
  });

  it('has the tags too where a revision is fetched by its id', async () => {
    const revision = repository.commit({ a: '1' });
    repository.git('tag', 'v1');

    expect(await tagsAt(revision)).toBe(`v1 ${revision}`);
    repository.git('tag', '-d', 'v1');
    repository.git('tag', 'v1/0');
    const next = repository.commit({ a: '2' });
    expect(await tagsAt(next)).toBe(`v1/0 ${revision}`);
    expect(await contentAt(revision)).toBe('1');
  });

  it('is not kept from a revision by a tag that cannot be had', async () => {
    const [lost, revision] = [repository.commit({ a: '1' }), repository.commit({ a: '2' })];
    repository.git('checkout', '--quiet', '--orphan', 'other');
    const broken = repository.commit({ b: '1' });
    const tree = repository.git('rev-parse', `${broken}^{tree}`);
    repository.git('tag', 'broken', broken);
    rmSync(`${repository.directory}/.git/objects/${tree.slice(0, 2)}/${tree.slice(2)}`);

    expect(await contentAt(revision, 'main')).toBe('2');
    source = createGitSource({ mirrorsDirectory: `${scratch.path}/others`, allowFile: true });
    expect(await contentAt(lost)).toBe('1');
  });

  it('runs no hook and obeys no configuration of the repository', async () => {
    const first = repository.commit({ a: '0', '.gitattributes': '* diff=own filter=own\n' });
    const mark = `${scratch.path}/ran`;
    // As gpg says that it has signed.
    const program = `${scratch.path}/program`;
    const lines = [
      '#!/bin/sh',
      `touch ${mark}`,
      'cat > /dev/null',
      "printf '\\n[GNUPG:] SIG_CREATED \\n' >&2",
      'echo -----BEGIN PGP SIGNATURE-----',
    ];
    writeFileSync(program, `${lines.join('\n')}\n`, { mode: 0o755 });
    for (const name of ['gpg.program', 'core.pager', 'diff.external', 'core.alternateRefsCommand'])
      repository.git('config', name, program);
    for (const name of ['commit.gpgSign', 'log.showSignature']) repository.git('config', name, 'true');
    const revision = repository.commit({ a: '1' });
    expect(existsSync(mark)).toBe(true);
    rmSync(mark);
    for (const name of ['uploadpack.packObjectsHook', 'core.fsmonitor', 'core.sshCommand'])
      repository.git('config', name, `touch ${mark}; false`);
    for (const name of ['diff.own.textconv', 'diff.own.command', 'filter.own.smudge', 'filter.own.clean'])
      repository.git('config', name, program);

    expect(await contentAt(revision, 'main')).toBe('1');
    expect((await source.message(url, revision)).trim()).toBe('change');
    expect(await source.changedFiles(url, first, revision)).toEqual(['a']);
    expect((await openCheckout(repository.directory, revision).readFile('a'))?.toString()).toBe('1');
    expect(existsSync(mark)).toBe(false);
  });

  it('is not led astray by the environment of a hook', async () => {
    const revision = repository.commit({ a: '1' });
    process.env['GIT_DIR'] = `${repository.directory}/.git`;
    process.env['GIT_INDEX_FILE'] = `${scratch.path}/nowhere`;

    try {
      expect(await contentAt(revision, 'main')).toBe('1');
    } finally {
      delete process.env['GIT_DIR'];
      delete process.env['GIT_INDEX_FILE'];
    }

    expect(repository.git('for-each-ref', 'refs/slipway')).toBe('');
  });

  it('is opened by many at once, with nothing shared but the mirrors', async () => {
    const revisions = [1, 2, 3, 4].map((number) => repository.commit({ a: String(number) }));

    const contents = await Promise.all(
      revisions.map(async (revision) => {
        const tree = await mirrored.anotherSource().open(url, { ref: 'main', revision });
        return (await tree.readFile('a'))?.toString();
      }),
    );

    expect(contents).toEqual(['1', '2', '3', '4']);
  });

  it('keeps one list of a revision for all who read it at the same time', async () => {
    const revision = repository.commit({ a: '1' });
    const [one, other] = [await source.open(url, { revision }), await source.open(url, { revision })];

    expect((await one.list('', undefined))[0]).toBe((await other.list('', undefined))[0]);
  });

  it('takes away the lock of a process that died with it', async () => {
    const revision = repository.commit({ a: '1' });
    await contentAt(revision, 'main');
    const mirror = `${scratch.path}/mirrors/${readdirSync(`${scratch.path}/mirrors`).find((name) => name.endsWith('.git'))}`;
    const ref = readdirSync(`${mirror}/refs/slipway/refs`)[0];
    writeFileSync(`${mirror}/refs/slipway/refs/${ref}.lock`, '');
    utimesSync(`${mirror}/refs/slipway/refs/${ref}.lock`, 0, 0);

    expect(await contentAt(repository.commit({ a: '2' }), 'main')).toBe('2');
  });

  it('puts the packs of many fetches together, loses nothing of them, and is read all the while', async () => {
    const first = repository.commit({ a: '1' });
    const early = await source.open(url, { revision: first });
    const [mirror = ''] = globSync(`${scratch.path}/mirrors/*.git`);
    const packs = (): number => globSync(`${mirror}/objects/pack/*.pack`).length;
    const ids = Array.from({ length: 60 }, (_, at) => packed(mirror, `unreachable ${at}`));
    expect(packs()).toBeGreaterThan(60);

    const reading = early.readFile('a');
    expect(await contentAt(repository.commit({ a: '2' }), 'main')).toBe('2');

    expect(packs()).toBeLessThan(10);
    expect((await reading)?.toString()).toBe('1');
    expect(await contentAt(first)).toBe('1');
    const kept = execFileSync('git', ['-C', mirror, 'cat-file', '--batch-check'], {
      input: ids.map((id) => `${id}\n`).join(''),
      encoding: 'utf8',
    });
    expect(kept.trim().split('\n')).toEqual(ids.map((id) => expect.stringContaining(`${id} blob`)));
  });

  it('stops when asked to', async () => {
    const revision = repository.commit({ a: '1' });
    const signal = AbortSignal.abort(new Error('enough'));

    await expect(source.open(url, { revision, ref: 'main', signal })).rejects.toThrow('enough');
  });
});

describe('GitSource.resolve', () => {
  it('finds refs, abbreviations and HEAD, by path or URL, from below a checkout too', async () => {
    const revision = repository.commit({ 'd/a': '1' });
    repository.git('tag', '-a', 'v1', '-m', 'annotated');

    for (const rev of ['main', 'HEAD', 'v1', 'refs/heads/main', revision, revision.slice(0, 8)])
      expect(await source.resolve(repository.directory, rev)).toBe(revision);
    expect(await source.resolve(url, 'HEAD')).toBe(revision);
    expect(await source.resolve(`${repository.directory}/d`, 'HEAD')).toBe(revision);
  });

  it('tells a missing revision from a missing repository', async () => {
    repository.commit({ a: '1' });

    await expect(source.resolve(url, 'nothing')).rejects.toMatchObject({ type: 'RevisionNotFound' });
    await expect(source.resolve(url, '--all')).rejects.toMatchObject({ type: 'RevisionNotFound' });
    await expect(source.resolve(`${scratch.path}/nowhere`, 'HEAD')).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
    });
  });
});

describe('a repository elsewhere', () => {
  it.each(['sha1', 'sha256'])('is asked for names and abbreviations by its ids, of %s', async (format) => {
    const directory = `${scratch.path}/of-${format}`;
    execFileSync('git', ['init', '--quiet', '-b', 'main', `--object-format=${format}`, directory]);
    repository = new GitRepository(directory);
    url = `file://${directory}`;
    const base = repository.commit({ a: '1' });
    repository.git('checkout', '--quiet', '-b', 'topic');
    const topic = repository.commit({ b: '2' });
    repository.git('checkout', '--quiet', 'main');
    const main = repository.commit({ c: '3' });
    const resolve = async (rev: string): Promise<string> =>
      mirrored.sourceElsewhere(url).resolve(ELSEWHERE, rev);

    // In any order: each begins without what another one has learnt.
    expect(await mirrored.sourceElsewhere(url).mergeBase(ELSEWHERE, 'refs/heads/main', topic)).toBe(base);
    expect(await mirrored.sourceElsewhere(url).mergeBase(ELSEWHERE, 'topic', 'main')).toBe(base);
    for (const rev of ['main', 'HEAD', 'refs/heads/main', main, main.slice(0, 8)])
      expect(await resolve(rev)).toBe(main);
    await expect(resolve('nothing')).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('that has no ref has no revision, and one that is not there is unavailable', async () => {
    const found = async (): Promise<string> => mirrored.sourceElsewhere(url).resolve(ELSEWHERE, 'main');

    await expect(found()).rejects.toMatchObject({ type: 'RevisionNotFound' });
    url = `file://${scratch.path}/nowhere`;
    await expect(found()).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: true });
  });
});

describe('a partial clone', () => {
  it('is read as far as it goes, and says of what it lacks that it does', async () => {
    repository.commit({ a: '1', 'deep/b': '2' });
    const directory = partialClone('--sparse');
    const tree = openCheckout(directory, 'HEAD');

    expect((await tree.readFile('a'))?.toString()).toBe('1');
    const lacking = tree.readFile('deep/b');
    await expect(lacking).rejects.toThrow(`${directory} cannot be read: it is a partial clone`);
    await expect(lacking).rejects.toMatchObject({ type: 'RepositoryUnavailable', retryable: false });
  });

  it('gives a checkout without the history that it lacks, and says that it cannot give that', async () => {
    repository.commit({ a: '1' });
    const revision = repository.commit({ a: '2' });
    const tree = openCheckout(partialClone(), revision);

    expect((await buffer(tree.archive())).length).toBeGreaterThan(0);
    const withHistory = buffer(tree.archive(undefined, { git: { depth: 50 } }));
    await expect(withHistory).rejects.toThrow('it is a partial clone');
  });
});

describe('GitSource.changedFiles', () => {
  it('names added, changed, removed and both ends of moved files', async () => {
    const from = repository.commit({ a: '1', b: '2', same: '3', 'old/ü': 'moved' });
    const to = repository.commit({ a: '1+', b: undefined, c: 'new', 'old/ü': undefined, 'new/ü': 'moved' });

    expect(await source.changedFiles(url, from, to)).toEqual(['a', 'b', 'c', 'new/ü', 'old/ü']);
    expect(await source.changedFiles(url, to, to)).toEqual([]);
  });

  it('is undefined when the base is not known', async () => {
    const to = repository.commit({ a: '1' });

    expect(await source.changedFiles(url, '0'.repeat(40), to)).toBeUndefined();
    expect(await source.changedFiles(url, NO_REVISION, to)).toBeUndefined();
    await expect(source.changedFiles(url, to, NO_REVISION)).rejects.toMatchObject({
      type: 'RevisionNotFound',
    });
  });
});

describe('GitSource.message', () => {
  it('is the whole message of a commit', async () => {
    repository.commit({ a: '1' });
    repository.git('commit', '--quiet', '--allow-empty', '-m', 'Mend ü', '-m', 'try: unit lint/*');
    const revision = repository.git('rev-parse', 'HEAD').trim();

    expect(await source.message(url, revision)).toContain('Mend ü\n\ntry: unit lint/*\n');
    await expect(source.message(url, NO_REVISION)).rejects.toMatchObject({ type: 'RevisionNotFound' });
  });

  it('is UTF-8, whatever the repository wants its log to be', async () => {
    repository.git('commit', '--quiet', '--allow-empty', '-m', 'Mend ü');
    repository.git('config', 'i18n.logOutputEncoding', 'latin1');

    expect(await source.message(url, repository.git('rev-parse', 'HEAD'))).toContain('Mend ü');
  });
});

describe('GitSource.mergeBase', () => {
  it('is the last common commit, for revisions and refs', async () => {
    const base = repository.commit({ a: '1' });
    repository.git('checkout', '--quiet', '-b', 'topic');
    const topic = repository.commit({ b: '2' });
    repository.git('checkout', '--quiet', 'main');
    repository.commit({ c: '3' });

    expect(await source.mergeBase(url, topic, 'main')).toBe(base);
    expect(await source.mergeBase(url, 'topic', 'refs/heads/main')).toBe(base);
  });

  it('is undefined for histories that never met, and for what is not there', async () => {
    const main = repository.commit({ a: '1' });
    repository.git('checkout', '--quiet', '--orphan', 'lonely');
    const lonely = repository.commit({ b: '2' });

    expect(await source.mergeBase(url, main, lonely)).toBeUndefined();
    expect(await source.mergeBase(url, main, 'nothing')).toBeUndefined();
    expect(await source.mergeBase(url, NO_REVISION, main)).toBeUndefined();
  });
});
