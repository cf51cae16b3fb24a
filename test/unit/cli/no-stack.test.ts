import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runVerb } from '../../helpers/run-slipway.ts';

describe('without a stack', () => {
  it.each([
    [['status', 'abc']],
    [['pushes']],
    [['logs', 'unit']],
    [['cancel', 'unit']],
    [['gc']],
    [['image', 'list']],
    [['image', 'rm', 'lint']],
    [['image', 'load', 'lint']],
    [['image', 'export', 'lint', '-o', 'x']],
    [['image', 'why', 'lint']],
  ])('slipway %j ends with 3, which stands for infrastructure, and says what to type', async (args) => {
    const { exitCode, stdout, stderr } = await runVerb(args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/no stack runs.*slipway up/i);
  });

  it('slipway push ends with 3 too', async () => {
    using scratch = scratchDirectory();
    new GitRepository(scratch.path).commit({ 'slipway.yml': 'version: 1\n' });

    expect((await runVerb(['push', scratch.path])).exitCode).toBe(3);
  });

  it('slipway hook install writes the hook, and says that it starts nothing until a stack runs', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });

    const { exitCode, stderr } = await runVerb(['hook', 'install', directory]);

    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/no stack runs in .*slipway-test-no-stack: .* starts nothing.*slipway up/);
    expect(stderr).not.toContain('It reaches');
  });

  it('slipway hook install says which variables a hook needs that reaches what the environment names', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path, { bare: true });
    const temporal = { TEMPORAL_ADDRESS: 'temporal.example:7233' };

    const alone = await runVerb(['hook', 'install', directory], temporal);
    const both = await runVerb(['hook', 'install', directory], { ...temporal, SLIPWAY_S3_BUCKET: 'slipway' });

    expect(alone.stderr).toContain('no stack runs in');
    expect(both.stderr).toContain('if whoever receives a push has these variables');
  });
});

describe('with a stack', () => {
  // Only root can give a directory to somebody else.
  (process.getuid?.() === 0 ? it : it.skip)(
    "slipway hook install says of a repository of somebody else's that they may not reach it",
    async () => {
      using scratch = scratchDirectory();
      const { directory } = new GitRepository(join(scratch.path, 'demo.git'), { bare: true });
      const SLIPWAY_HOME = join(scratch.path, 'state');
      mkdirSync(SLIPWAY_HOME);
      writeFileSync(join(SLIPWAY_HOME, 'stack.json'), '{}');

      const ours = await runVerb(['hook', 'install', directory], { SLIPWAY_HOME });
      execFileSync('chown', ['-R', '65534', directory]);
      const theirs = await runVerb(['hook', 'install', directory], { SLIPWAY_HOME });

      expect(ours.stderr).toBe(`It reaches the stack of ${SLIPWAY_HOME}.\n`);
      expect(theirs.stderr).toContain(`(user 65534), and ${SLIPWAY_HOME} is another user's alone`);
    },
  );
});
