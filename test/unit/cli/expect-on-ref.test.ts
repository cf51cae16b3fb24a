import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { expectOnRef } from '../../../client/cli/expect-on-ref.ts';
import { repositoryOfPush } from '../../../client/cli/repository-of-push.ts';
import { UsageError } from '../../../client/cli/usage-error.ts';
import { findLocalRepository } from '../../../client/local-repository.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

describe('a ref that a push names', () => {
  it('is hinted at where a detached checkout has it of its remote only, or as a tag', async () => {
    using scratch = scratchDirectory();
    const origin = new GitRepository(join(scratch.path, 'origin'));
    const revision = origin.commit({ 'a.txt': 'a' });
    origin.git('branch', 'release/1');
    origin.git('tag', 'v1');
    const checkout = new GitRepository(join(scratch.path, 'checkout'));
    checkout.git('remote', 'add', 'origin', origin.directory);
    checkout.git('fetch', '--quiet', '--tags', 'origin');
    checkout.git('checkout', '--quiet', '--detach', revision);
    const repository = await findLocalRepository(checkout.directory);
    const refusal = async (ref: string): Promise<string> =>
      expectOnRef(repository, { ref, revision }).then(
        () => 'none',
        (error: unknown) => (error as Error).message,
      );

    for (const name of ['main', 'release/1'])
      expect(await refusal(`refs/heads/${name}`)).toBe(
        `There is no refs/heads/${name} in ${checkout.directory}: its remote has one, to be had with: git branch ${name} origin/${name}`,
      );
    expect(await refusal('refs/heads/v1')).toBe(
      `There is no refs/heads/v1 in ${checkout.directory}: there is a tag of that name, --ref refs/tags/v1`,
    );
    checkout.git('branch', 'main', 'origin/main');
    expect(await refusal('refs/heads/main')).toBe('none');
    expect(await refusal('refs/tags/v1')).toBe('none');
    expect(await refusal('refs/heads/mian')).toContain('did you mean "main"?');
  });

  it('is refused in a partial clone that lacks something of it, and in no other', async () => {
    using scratch = scratchDirectory();
    const origin = new GitRepository(join(scratch.path, 'origin'));
    origin.git('config', 'uploadpack.allowFilter', 'true');
    const [first, second] = ['a', 'b'].map((text) => origin.commit({ 'a.txt': text }));
    origin.git('branch', 'old', first!);
    const clone = join(scratch.path, 'clone');
    const filtered = ['--quiet', '--config=gc.auto=0', '--filter=blob:none'];
    origin.git('clone', ...filtered, `file://${origin.directory}`, clone);
    const repository = await findLocalRepository(clone);
    const main = { ref: 'refs/heads/main', revision: second! };

    await expect(expectOnRef(repository, main)).rejects.toThrow(`${clone} cannot be read: it is a partial`);
    execFileSync('git', ['checkout', '--quiet', 'old'], { cwd: clone });
    await expectOnRef(repository, main);
  });

  it('is not refused where objects are missing, and nobody can say what it holds', async () => {
    using scratch = scratchDirectory();
    const origin = new GitRepository(scratch.path);
    const [first, second, third] = ['a', 'b', 'c'].map((text) => origin.commit({ 'a.txt': text }));
    const repository = await findLocalRepository(origin.directory);
    const elsewhere = { ref: 'refs/heads/old', revision: third! };
    origin.git('branch', 'old', first!);
    await expect(expectOnRef(repository, elsewhere)).rejects.toThrow('old does not hold');

    await rm(join(origin.directory, '.git/objects', second!.slice(0, 2), second!.slice(2)));

    await expectOnRef(repository, { ref: 'refs/heads/main', revision: first! });
  });
});

describe('a push from a clone', () => {
  const main = 'refs/heads/main';

  interface Clone {
    readonly bare: GitRepository;
    readonly clone: GitRepository;
    readonly revision: string;
    readonly repositoryOf: (
      revision: string,
      asked?: { readonly ref?: string; readonly project?: string },
    ) => Promise<string>;
  }

  /** A bare repository that a project names, and a clone of it with one commit that it lacks. */
  async function aClone(scratch: { readonly path: string }): Promise<Clone> {
    const bare = new GitRepository(join(scratch.path, 'demo.git'), { bare: true });
    const clone = new GitRepository(join(scratch.path, 'fix'));
    clone.git('remote', 'add', 'origin', bare.directory);
    const revision = clone.commit({ 'a.txt': 'a' });
    const sources = [{ repository: pathToFileURL(bare.directory).href, refs: { '*': 1 } }];
    await writeFile(
      join(scratch.path, 'slipway.config.yml'),
      JSON.stringify({ version: 1, projects: { demo: { sources } } }),
    );
    const { signal } = new AbortController();
    const env = { SLIPWAY_HOME: scratch.path };
    const { directory: repository } = clone;
    const local = await findLocalRepository(repository);
    const repositoryOf: Clone['repositoryOf'] = (revision, { ref = main, project } = {}) =>
      repositoryOfPush({ repository, local, revision }, { ref, project }, { env, signal });
    return { bare, clone, revision, repositoryOf };
  }

  it('is one of the remote that a project names, once that has the revision on the ref', async () => {
    using scratch = scratchDirectory();
    const { bare, clone, revision, repositoryOf } = await aClone(scratch);
    const known = `${clone.directory} is pushed as project demo by its remote ${bare.directory}, which`;
    const instead = '; or let this directory be a project of its own, at level 1: slipway push --project fix';

    await expect(repositoryOf(revision)).rejects.toEqual(
      new UsageError(`${known} has no main: git push it first${instead}`),
    );
    clone.git('push', '--quiet', 'origin', 'main');
    expect(await repositoryOf(revision)).toBe(bare.directory);

    const second = clone.commit({ 'a.txt': 'b' });
    const [older, newer] = [revision, second].map((one) => one.slice(0, 12));
    await expect(repositoryOf(second)).rejects.toThrow(
      `${known} has main at ${older}, and that does not hold ${newer}: git push it first${instead}`,
    );
    clone.git('tag', '--annotate', '--message=v', 'v1');
    clone.git('push', '--quiet', 'origin', 'main', 'v1');
    expect(await repositoryOf(revision)).toBe(bare.directory);
    expect(await repositoryOf(second, { ref: 'refs/tags/v1' })).toBe(bare.directory);
    expect(await repositoryOf(second, { project: 'demo' })).toBe(bare.directory);
  });

  it('asks for a fetch where the remote has what the clone does not know', async () => {
    using scratch = scratchDirectory();
    const { bare, clone, revision, repositoryOf } = await aClone(scratch);
    clone.git('push', '--quiet', 'origin', 'main');
    const other = new GitRepository(join(scratch.path, 'other'));
    other.git('pull', '--quiet', bare.directory, 'main');
    const theirs = other.commit({ 'b.txt': 'b' });
    other.git('push', '--quiet', bare.directory, 'main');

    await expect(repositoryOf(revision)).rejects.toThrow(
      `has main at ${theirs.slice(0, 12)}, and that is not here: git fetch first`,
    );
    clone.git('fetch', '--quiet', 'origin');
    expect(await repositoryOf(revision)).toBe(bare.directory);
  });

  it('is one of the clone itself where its own project is asked for, and of none where the remote does not answer', async () => {
    using scratch = scratchDirectory();
    const { bare, clone, revision, repositoryOf } = await aClone(scratch);

    expect(await repositoryOf(revision, { project: 'fix' })).toBe(clone.directory);
    await rm(bare.directory, { recursive: true });
    await expect(repositoryOf(revision)).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
      message: expect.stringContaining(bare.directory),
    });
  });

  it('is one of the clone itself where no project names its remote', async () => {
    using scratch = scratchDirectory();
    const { clone, revision, repositoryOf } = await aClone(scratch);
    await rm(join(scratch.path, 'slipway.config.yml'));

    expect(await repositoryOf(revision)).toBe(clone.directory);
    await expect(repositoryOf(revision, { ref: 'refs/heads/mian' })).rejects.toThrow('did you mean "main"?');
  });
});
