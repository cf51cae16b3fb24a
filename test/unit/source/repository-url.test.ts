import { describe, expect, it } from '@jest/globals';
import { parseRepository } from '../../../source/repository-url.ts';

describe('parseRepository', () => {
  it.each([
    'https://git.example/a/b.git',
    'ssh://git@git.example:2222/a.git',
    'git@git.example:team/a.git',
    'file:///srv/git/demo.git',
    '/srv/git/with space.git',
  ])('takes %s', (repository) => {
    expect(parseRepository(repository, { allowFile: true }).url).toBe(repository);
  });

  it.each([
    ['--upload-pack=touch /tmp/x', 'does not begin with "-"'],
    ['ext::sh -c whoami', 'remote helpers'],
    ['transport::https://git.example/a', 'remote helpers'],
    ['::x', 'remote helpers'],
    ['http://git.example/a', 'the protocol "http" is not allowed'],
    ['git://git.example/a', 'the protocol "git" is not allowed'],
    ['ftp://git.example/a', 'the protocol "ftp" is not allowed'],
    ['file://host/srv/a', 'the protocol "file" is not allowed'],
    ['ssh://-oProxyCommand/a', 'it names no host'],
    ['ssh://-x@git.example/a', 'it names no host'],
    ['-oProxyCommand=x@git.example:a', 'does not begin with "-"'],
    ['git.example:-x', 'no https or ssh address'],
    ['https://git.example/a?x=1', 'no options'],
    ['https://git.example/a#x', 'no options'],
    [
      'https://user:secret@git.example/a',
      'credentials belong into the git configuration that SLIPWAY_GIT_CONFIG names',
    ],
    [
      'https://token@git.example/a',
      'credentials belong into the git configuration that SLIPWAY_GIT_CONFIG names',
    ],
    ['https://git.example/a b', 'no spaces or control characters'],
    ['https://git.example/a\nb', 'no spaces or control characters'],
    ['../relative', 'no https or ssh address'],
    ['', 'no https or ssh address'],
  ])('refuses %j', (repository, message) => {
    const parse = (): unknown => parseRepository(repository, { allowFile: true });

    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ type: 'RepositoryUnavailable', retryable: false }));
  });

  it('keeps the secret of a refused address out of the message', () => {
    expect(() => parseRepository('https://user:secret@git.example/a', { allowFile: true })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret@') }),
    );
  });

  it.each(['/srv/git/demo.git', 'file:///srv/git/demo.git'])(
    'refuses %s where files are not allowed',
    (repository) => {
      expect(() => parseRepository(repository, { allowFile: false })).toThrow(
        'local repositories are not allowed',
      );
    },
  );
});
