import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RepositoryFile } from '../../helpers/git-repository.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { runSlipway, runVerb } from '../../helpers/run-slipway.ts';

const CONFIG = 'version: 1\nimages: { lint: { context: lint } }\n';

interface Repository {
  readonly committed?: Readonly<Record<string, RepositoryFile>>;
  readonly written?: Readonly<Record<string, string>>;
}

/** What a verb says of a repository in which nothing is to be done. */
async function refusal(verb: readonly string[], { committed, written = {} }: Repository): Promise<string> {
  using scratch = scratchDirectory();
  const repository = new GitRepository(scratch.path);
  if (committed) repository.commit(committed);
  for (const [name, text] of Object.entries(written)) writeFileSync(join(scratch.path, name), text);

  const { exitCode, stderr } = await runVerb(verb.map((word) => (word === 'REPO' ? scratch.path : word)));

  expect(exitCode).toBe(2);
  return stderr;
}

describe.each([[['plan', 'REPO']], [['push', 'REPO']], [['image', 'hash', 'lint', '--repo', 'REPO']]])(
  'slipway %j',
  (verb) => {
    it('says that slipway.yml is there but not committed', async () => {
      const said = await refusal(verb, {
        committed: { 'README.md': 'Hello' },
        written: { 'slipway.yml': CONFIG },
      });

      expect(said).toContain('slipway.yml is there but not committed. Type: git add slipway.yml');
    });

    it.each(['slipway.yaml', '.slipway.yml'])('asks whether %s is meant', async (name) => {
      const said = await refusal(verb, { committed: { [name]: CONFIG } });

      expect(said).toMatch(
        /^slipway: No slipway\.yml at the root of [0-9a-f]{40}: nothing to do\. There is /m,
      );
      expect(said).toContain(`There is ${name}: did you mean that?`);
    });

    it('says of a link that it is none of the files that are followed', async () => {
      const said = await refusal(verb, {
        committed: { 'slipway.yml': { link: 'ci/slipway.yml' }, 'ci/slipway.yml': CONFIG },
      });

      expect(said).toContain(
        'slipway.yml:1:1: is a link to "ci/slipway.yml", and links are not followed; commit the file itself\n',
      );
    });

    it('says that there is no commit yet', async () => {
      expect(await refusal(verb, { written: { 'slipway.yml': CONFIG } })).toContain('There is no commit yet');
    });
  },
);

describe('a revision before the first slipway.yml', () => {
  it('is not said to lack a commit of it', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(scratch.path);
    repository.commit({ 'README.md': 'Hello' });
    repository.commit({ 'slipway.yml': CONFIG });

    const { stderr } = await runVerb(['plan', scratch.path, '--rev', 'HEAD~1']);

    expect(stderr).toContain('No slipway.yml at the root of');
    expect(stderr).not.toContain('not committed');
  });
});

describe('a slipway.yml in a directory of the tree', () => {
  it('is told of to who stands there or below, and not to others', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(scratch.path);
    repository.commit({
      'services/api/slipway.yml': CONFIG,
      'services/api/src/a': 'a',
      'services/web/b': 'b',
    });
    const said = async (from: string): Promise<string> =>
      (await runSlipway(['plan'], { cwd: join(scratch.path, from) })).stderr;

    for (const from of ['services/api', 'services/api/src'])
      expect(await said(from)).toMatch(
        /^slipway: No .* nothing to do\. There is services\/api\/slipway\.yml; it counts only at the root$/m,
      );
    expect(await said('services/web')).toMatch(/^slipway: No .* nothing to do$/m);
  }, 60_000);
});
