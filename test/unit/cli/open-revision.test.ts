import { describe, expect, it } from '@jest/globals';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runSlipway } from '../../helpers/run-slipway.ts';

describe('a word that is no repository', () => {
  it.each([
    ['HEAD~1', "slipway: There is no directory HEAD~1; a branch or revision is named by --rev 'HEAD~1'\n"],
    ['topic', 'slipway: There is no directory topic; a branch or revision is named by --rev topic\n'],
    ['nothing', 'slipway: There is no directory nothing\n'],
  ])(
    'is said to be a branch or revision where it names one here: %s',
    async (word, words) => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(scratch.path);
      for (const content of ['one', 'two']) repository.commit({ a: content });
      repository.git('branch', 'topic');

      const { exitCode, stderr } = await runSlipway(['plan', word], { cwd: scratch.path });

      expect(stderr).toBe(words);
      expect(exitCode).toBe(2);
    },
    60_000,
  );
});
