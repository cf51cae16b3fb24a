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
});
