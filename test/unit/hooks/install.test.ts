import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { installHook } from '../../../client/hooks/install.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runSlipway } from '../../helpers/run-slipway.ts';

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
      'SLIPWAY_HOME=/s /bin/slipway hook receive',
    );

    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\necho theirs\n');
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
});

function withGit(repository: GitRepository): { directory: string; git: (...args: string[]) => string } {
  return { directory: repository.directory, git: (...args) => repository.git(...args) };
}
