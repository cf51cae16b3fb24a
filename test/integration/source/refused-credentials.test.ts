import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { GitSource } from '../../../source/git-source.ts';
import { onFreshMirrors } from '../../helpers/mirrored-repository.ts';
import type { MirroredRepository } from '../../helpers/mirrored-repository.ts';

// Each test runs some git processes.
jest.setTimeout(60_000);

const POINTER = `Credentials are those of SLIPWAY_GIT_CONFIG, for ssh the keys and known_hosts of ${userInfo().username} on this machine`;

let mirrored: MirroredRepository;
onFreshMirrors((fresh) => (mirrored = fresh));

/** What is said of a repository that does not let us in, by each way to it. */
async function refusals(source: GitSource, url: string): Promise<readonly string[]> {
  const said = async (reading: Promise<unknown>): Promise<string> =>
    reading.then(
      () => 'it was read',
      (error: Error) => error.message,
    );
  return [
    await said(source.open(url, { revision: 'a'.repeat(40), ref: 'main' })),
    await said(source.resolve(url, 'main')),
  ];
}

describe('a private repository at an https address', () => {
  it('that is read without credentials is told of with where those belong', async () => {
    const { path } = mirrored.scratch;
    const [key, certificate, configFile] = ['key', 'certificate', 'config'].map((name) => `${path}/${name}`);
    const files = ['-keyout', key!, '-out', certificate!];
    const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'];
    execFileSync('openssl', ['req', '-x509', ...what, ...files], { stdio: 'pipe' });
    const tls = { key: readFileSync(key!), cert: readFileSync(certificate!) };
    const server = createServer(tls, (_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      writeFileSync(configFile!, '[http]\n\tsslVerify = false\n');
      const source = mirrored.anotherSource({ configFile: configFile! });
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/team/app.git`;

      for (const said of await refusals(source, url)) {
        expect(said).toContain('could not read Username');
        expect(said.endsWith(POINTER)).toBe(true);
      }
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('a repository that is reached by ssh', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it.each(['git@git.invalid: Permission denied (publickey).', 'Host key verification failed.'])(
    'and says %s is told of with whose keys are taken',
    async (words) => {
      // In place of ssh.
      const script = `#!/bin/sh\necho '${words}' >&2\nexit 255\n`;
      writeFileSync(`${mirrored.scratch.path}/ssh`, script, { mode: 0o755 });
      process.env['PATH'] = `${mirrored.scratch.path}:${path}`;

      for (const said of await refusals(mirrored.anotherSource(), 'git@git.invalid:team/app.git')) {
        expect(said).toContain(words);
        expect(said.endsWith(POINTER)).toBe(true);
      }
    },
  );

  it('and is not there is told of as git does', async () => {
    writeFileSync(`${mirrored.scratch.path}/ssh`, '#!/bin/sh\nexit 255\n', { mode: 0o755 });
    process.env['PATH'] = `${mirrored.scratch.path}:${path}`;

    for (const said of await refusals(mirrored.anotherSource(), 'git@git.invalid:team/app.git'))
      expect(said).not.toContain('Credentials');
  });
});
