import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SLIPWAY_PROGRAM } from '../../../client/cli/own-command.ts';
import { installHook } from '../../../client/hooks/install.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { cleanEnvironment, runSlipway } from '../../helpers/run-slipway.ts';

describe('installHook', () => {
  it.each([
    ['a bare repository', true, 'hooks/post-receive'],
    ['a checkout', false, '.git/hooks/post-receive'],
  ])(
    'writes an executable hook into %s that calls the program, whatever its path',
    async (_what, bare, where) => {
      using scratch = scratchDirectory();
      const { directory, ...repository } = withGit(
        new GitRepository(join(scratch.path, "it's here"), { bare }),
      );
      const log = join(scratch.path, 'log');
      const program = join(scratch.path, 'a program');
      writeFileSync(program, `#!/bin/sh\necho "$SLIPWAY_HOME|$*" > '${log}'\ncat >> '${log}'\nexit 3\n`, {
        mode: 0o755,
      });

      const installed = await installHook(directory, { program, stateDirectory: "/st'ate dir" });
      execFileSync(installed.path, { input: 'old new ref\n' });

      expect(installed).toEqual({ path: join(directory, where), changed: true });
      expect(statSync(installed.path).mode & 0o111).toBe(0o111);
      expect(readFileSync(log, 'utf8')).toBe("/st'ate dir|hook receive\nold new ref\n");
      expect(repository.git('config', 'receive.advertisePushOptions')).toBe('true');
    },
  );

  it('changes nothing the second time, and follows a new state directory', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });

    await installHook(directory, { program: '/bin/true', stateDirectory: '/one' });
    const again = await installHook(directory, { program: '/bin/true', stateDirectory: '/one' });
    const moved = await installHook(directory, { program: '/bin/true', stateDirectory: '/two' });

    expect([again.changed, moved.changed]).toEqual([false, true]);
    expect(readFileSync(moved.path, 'utf8')).toContain('SLIPWAY_HOME=/two');
  });

  it("leaves a hook of somebody else's as it is and says what to add to it", async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });
    const path = join(directory, 'hooks/post-receive');
    writeFileSync(path, '#!/bin/sh\necho theirs\n');

    await expect(installHook(directory, { program: '/bin/slipway', stateDirectory: '/s' })).rejects.toThrow(
      `git -C ${directory} config receive.advertisePushOptions true. Let it hand its standard input to: SLIPWAY_HOME=/s /bin/slipway hook receive`,
    );

    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\necho theirs\n');
  });

  it.each([
    ['a checkout', false, '.husky/_', '.git/.husky/_'],
    ['a bare repository', true, 'own', 'own'],
  ])(
    'writes it into %s where git runs it, if the directory of hooks is relative',
    async (_what, bare, ...[configured, where]) => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(join(scratch.path, 'server'), { bare });
      repository.git('config', 'core.hooksPath', configured);
      const client = new GitRepository(join(scratch.path, 'client'));
      const revision = client.commit({ a: 'a' });
      const log = join(scratch.path, 'log');
      const program = join(scratch.path, 'program');
      writeFileSync(program, `#!/bin/sh\ncat > '${log}'\n`, { mode: 0o755 });

      const { path } = await installHook(repository.directory, { program, stateDirectory: '/s' });
      client.git('push', '--quiet', repository.directory, 'main:refs/heads/new');

      expect(path).toBe(join(repository.directory, where, 'post-receive'));
      expect(readFileSync(log, 'utf8')).toBe(`${'0'.repeat(40)} ${revision} refs/heads/new\n`);
    },
  );

  it('says in the words of git what keeps it', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });
    writeFileSync(join(directory, 'config.lock'), '');

    await expect(
      installHook(directory, { program: '/bin/true', stateDirectory: '/s' }),
    ).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: expect.stringMatching(
        /^git config receive.advertisePushOptions true in .*could not lock config file/,
      ),
    });
  });

  // Only root can give a directory to somebody else.
  (process.getuid?.() === 0 ? it : it.skip)("writes it into a repository of somebody else's", async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });
    execFileSync('chown', ['-R', '65534', directory]);

    const { changed } = await installHook(directory, { program: '/bin/true', stateDirectory: '/s' });

    expect(changed).toBe(true);
  });
});

describe('slipway hook receive', () => {
  it('never refuses: without a stack it says so, and what starts the push later, and exits with 0', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(join(scratch.path, 'demo.git'), { bare: true });

    const { exitCode, stdout } = await runSlipway(['hook', 'receive'], {
      cwd: repository.directory,
      env: { GIT_DIR: '.', SLIPWAY_HOME: join(scratch.path, 'no stack') },
      input: `${'0'.repeat(40)} ${'b'.repeat(40)} refs/heads/main\n`,
    });

    expect(exitCode).toBe(0);
    expect(stdout).toContain('slipway: no push was started: No stack runs in');
    const later = `slipway push ${repository.directory} --rev ${'b'.repeat(40)} --ref refs/heads/main`;
    expect(stdout).toContain(`slipway: to start it later: ${later}\n`);
  }, 60_000);

  it('starts nothing for git push -o ci.skip, and says so', async () => {
    using scratch = scratchDirectory();
    const bare = new GitRepository(join(scratch.path, 'demo.git'), { bare: true });
    const client = new GitRepository(join(scratch.path, 'client'));
    client.commit({ a: 'a' });
    const stateDirectory = join(scratch.path, 'no stack');
    await installHook(bare.directory, { program: SLIPWAY_PROGRAM, stateDirectory });

    const { exitCode, stderr } = await runProgram(
      ['git', '-C', client.directory, 'push', '-o', 'ci.skip', bare.directory, 'main'],
      { cwd: scratch.path, env: cleanEnvironment() },
    );

    expect(exitCode).toBe(0);
    expect(stderr).toContain('slipway: no push is started: skip was asked for');
    expect(stderr).not.toContain('was started');
  }, 60_000);

  it('names the machine to who pushes by ssh', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(join(scratch.path, 'demo.git'), { bare: true });

    const { stdout } = await runSlipway(['hook', 'receive'], {
      cwd: repository.directory,
      env: { GIT_DIR: '.', SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' },
      input: `${'0'.repeat(40)} ${'b'.repeat(40)} refs/heads/main\n`,
    });

    expect(stdout).toContain(`slipway: to start it later, on ${hostname()}: slipway push`);
  }, 60_000);
});

function withGit(repository: GitRepository): { directory: string; git: (...args: string[]) => string } {
  return { directory: repository.directory, git: (...args) => repository.git(...args) };
}
