import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readServerConfig } from '../../../workers/server-config.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

describe('a project of slipway.config.yml', () => {
  it.each([
    ['visibility: public', 'public is not carried out yet'],
    ['pullRequests: untrusted', 'untrusted is not carried out yet'],
  ])('with %s is refused, not taken for what it is not', async (field, words) => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    writeFileSync(path, `version: 1\nprojects: { demo: { sources: [], ${field} } }\n`);

    const name = field.slice(0, field.indexOf(':'));
    await expect(readServerConfig(path)).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: expect.stringMatching(new RegExp(`${words}[^]*at projects\\.demo\\.${name}`)),
    });
  });

  it('may say the defaults of both', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    writeFileSync(
      path,
      'version: 1\nprojects: { demo: { sources: [], visibility: private, pullRequests: off } }\n',
    );

    expect((await readServerConfig(path)).projects['demo']).toMatchObject({ visibility: 'private' });
  });
});

describe('slipway.config.yml', () => {
  it.each(['', '# nothing yet\n', '---\n'])('that says nothing names no project: %j', async (text) => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    writeFileSync(path, text);

    expect(await readServerConfig(path)).toEqual(await readServerConfig(join(scratch.path, 'none.yml')));
  });

  it('takes `<<` for what it is in slipway.yml', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    writeFileSync(
      path,
      'version: 1\nprojects: { one: &one { sources: [], trustDomain: ours }, two: { <<: *one, supersede: true } }\n',
    );

    expect((await readServerConfig(path)).projects['two']).toMatchObject({
      trustDomain: 'ours',
      supersede: true,
    });
  });
});
