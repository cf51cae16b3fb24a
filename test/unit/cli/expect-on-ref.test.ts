import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { expectOnRef } from '../../../client/cli/expect-on-ref.ts';
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
