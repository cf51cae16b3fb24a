import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runVerb } from '../../helpers/run-slipway.ts';

const CONFIG = `version: 1
images:
  base: { context: docker }
tasks:
  unit: { image: { in-tree: base }, command: ["true"] }
  docs: { image: debian, command: ["true"], when: { changed: ["docs/**"] } }
`;
const FILES = { 'slipway.yml': CONFIG, 'docker/Dockerfile': 'FROM scratch\n', 'docs/index.md': 'One' };

interface PlanDocument {
  readonly images: readonly { readonly contextHash: string }[];
  readonly tasks: readonly { readonly label: string }[];
}

describe('slipway plan --worktree', () => {
  it('plans what is not committed yet, as image hash --worktree hashes it', async () => {
    using scratch = scratchDirectory();
    new GitRepository(scratch.path).commit(FILES);
    writeFileSync(join(scratch.path, 'docker/Dockerfile'), 'FROM scratch\nLABEL a=b\n');

    const committed = await runVerb(['plan', scratch.path, '--json']);
    const changed = await runVerb(['plan', scratch.path, '--worktree', '--json']);
    const hash = await runVerb(['image', 'hash', 'base', '--repo', scratch.path, '--worktree', '--json']);

    const hashOf = ({ stdout }: { stdout: string }): unknown =>
      (JSON.parse(stdout) as PlanDocument).images[0]?.contextHash;
    expect(changed.exitCode).toBe(0);
    expect(hashOf(changed)).toBe(hashOf(hash));
    expect(hashOf(changed)).not.toBe(hashOf(committed));
    expect(changed.stderr).not.toContain('not committed');
  });

  it('takes files for changed that are not committed', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(join(scratch.path, 'work'));
    repository.commit(FILES);
    const server = join(scratch.path, 'server.git');
    new GitRepository(server, { bare: true });
    repository.git('remote', 'add', 'origin', server);
    repository.git('push', '--quiet', '--set-upstream', 'origin', 'main');
    repository.commit({ 'README.md': 'Hello' });
    writeFileSync(join(repository.directory, 'docs/index.md'), 'Two');

    const labels = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await runVerb(['plan', repository.directory, '--json', ...args]);
      return (JSON.parse(stdout) as PlanDocument).tasks.map(({ label }) => label);
    };

    expect(await labels()).toEqual(['unit']);
    expect(await labels('--worktree')).toEqual(['unit', 'docs']);
  });

  it('is for what is checked out', async () => {
    using scratch = scratchDirectory();
    new GitRepository(scratch.path).commit(FILES);

    const { exitCode, stderr } = await runVerb(['plan', scratch.path, '--worktree', '--rev', 'main']);

    expect(exitCode).toBe(2);
    expect(stderr).toContain('leave --rev out');
  });
});
