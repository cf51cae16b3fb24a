import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askHelper } from '../../../docker/registry/ask-helper.ts';
import { namedCredentials, ownCredentials } from '../../../docker/registry/credentials-file.ts';
import type { RegistryLogin } from '../../../docker/registry/registry-login.ts';
import { findLogin } from '../../../docker/registry/registry-login.ts';
import { registryKey } from '../../../docker/registry/registry-key.ts';
import type { TemporaryDirectory } from '../../helpers/temporary-directory.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const INDEX = 'https://index.registry.example/v1/';
const SECRET = 'never-to-be-seen';
const { PATH } = process.env;
const signal = new AbortController().signal;

let directory: TemporaryDirectory;
let path: string;
beforeEach(async () => {
  directory = await temporaryDirectory('slipway-login-');
  path = join(directory.path, 'config.json');
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  await directory[Symbol.asyncDispose]();
});

const basic = (user: string, password: string): { readonly auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const write = (config: unknown): Promise<void> => writeFile(path, JSON.stringify(config));
const find = (reference: string, isOwn?: boolean): Promise<RegistryLogin> =>
  findLogin({ credentials: { path, isOwn }, info: { indexServerAddress: INDEX } }, reference, {
    doing: `pull image ${reference}`,
    signal,
  });

/** Puts a program `docker-credential-NAME` in front of all others. */
async function helper(name: string, script: string): Promise<void> {
  await writeFile(join(directory.path, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, {
    mode: 0o755,
  });
  process.env['PATH'] = `${directory.path}:${PATH}`;
}

describe('the registry of an image', () => {
  it.each([
    ['debian', INDEX],
    ['debian:bookworm', INDEX],
    ['team/app:1', INDEX],
    ['registry.example/team/app', INDEX],
    ['index.registry.example/team/app', INDEX],
    ['other.example/app', 'other.example'],
    ['other.example:5000/team/app:1', 'other.example:5000'],
    ['localhost/app', 'localhost'],
    ['localhost:5000/app', 'localhost:5000'],
    ['Upper/app', 'Upper'],
    ['127.0.0.1:5000/app@sha256:12', '127.0.0.1:5000'],
    ['[::1]:5000/app', '[::1]:5000'],
  ])('of %s has its credentials under %s', (reference, key) => {
    expect(registryKey(reference, INDEX)).toBe(key);
  });

  it('that an engine calls nothing has none', () => {
    expect(registryKey('debian', undefined)).toBeUndefined();
    expect(registryKey('other.example/app', undefined)).toBe('other.example');
  });
});

describe('the file of credentials', () => {
  it('is for workers the one that is named; for people else that of docker’s own login', () => {
    const named = { SLIPWAY_DOCKER_CONFIG: '/etc/config.json', HOME: '/home/me' };

    expect(namedCredentials({ HOME: '/home/me', DOCKER_CONFIG: '/x' })).toBeUndefined();
    expect(namedCredentials(named)).toEqual({ path: '/etc/config.json' });
    expect(ownCredentials(named)).toEqual({ path: '/etc/config.json' });
    expect(ownCredentials({ HOME: '/home/me' })).toEqual({
      path: '/home/me/.docker/config.json',
      isOwn: true,
    });
    expect(ownCredentials({ HOME: '/home/me', DOCKER_CONFIG: '/x' })).toEqual({
      path: '/x/config.json',
      isOwn: true,
    });
  });
});

describe('the login at a registry', () => {
  it('is what the file has under its host, or under an address of that host, as docker looks it up', async () => {
    await write({
      auths: {
        'https://old.example/v1/': basic('me', 'old'),
        'old.example:5000': basic('me', 'port'),
        'https://both.example/v2/': basic('me', 'address'),
        'both.example': basic('me', 'host'),
        'fields.example': { username: 'me', password: 'a:b' },
        'token.example': { ...basic('me', 'pass'), identitytoken: 'id' },
        'bearer.example': { registrytoken: 'bearer' },
        [INDEX]: basic('me', 'index'),
        'index.registry.example': basic('me', 'never'),
      },
    });
    const authOf = async (reference: string): Promise<unknown> => (await find(reference)).authconfig;
    const me = (serveraddress: string, password: string): unknown => ({
      username: 'me',
      password,
      serveraddress,
    });

    expect(await authOf('old.example/app')).toEqual(me('old.example', 'old'));
    expect(await authOf('old.example:5000/app')).toEqual(me('old.example:5000', 'port'));
    expect(await authOf('both.example/app')).toEqual(me('both.example', 'host'));
    expect(await authOf('fields.example/app')).toEqual(me('fields.example', 'a:b'));
    expect(await authOf('token.example/app')).toEqual({
      ...(me('token.example', 'pass') as object),
      identitytoken: 'id',
    });
    expect(await authOf('bearer.example/app')).toEqual({
      registrytoken: 'bearer',
      serveraddress: 'bearer.example',
    });
    expect(await authOf('debian:bookworm')).toEqual(me(INDEX, 'index'));
    expect(await authOf('sub.old.example/app')).toBeUndefined();
  });

  it('is none where the file has nothing, or an empty entry, and says what to do', async () => {
    await write({ auths: { 'empty.example': {}, 'blank.example': { auth: '' } }, currentContext: 'other' });
    const adviceToOneself = (await find('debian', true)).advice;

    expect(await find('empty.example/app')).toMatchObject({
      advice: `${path} (SLIPWAY_DOCKER_CONFIG) has no credentials for registry "empty.example"; add some, in the form that docker login writes`,
    });
    expect((await find('blank.example/app')).authconfig).toBeUndefined();
    expect(adviceToOneself).toBe(
      `${path} has no credentials for registry "https://index.registry.example/v1/"; type: docker login`,
    );
    const nothing = await findLogin({ info: { indexServerAddress: INDEX } }, 'other.example/app', {
      doing: 'pull',
      signal,
    });
    expect(nothing.authconfig).toBeUndefined();
    expect(nothing.advice).toContain(
      'registry "other.example" was asked without credentials: set SLIPWAY_DOCKER_CONFIG',
    );
  });

  it('counts as the file is now, also while somebody writes it', async () => {
    await write({ auths: { 'a.example': basic('me', 'one') } });
    const before = await find('a.example/app');
    await writeFile(path, '{"auths": {"a.ex');
    const finding = find('a.example/app');
    const written = join(directory.path, 'new');
    await writeFile(written, JSON.stringify({ auths: { 'a.example': basic('me', 'two') } }));
    await rename(written, path);

    expect(before.authconfig?.password).toBe('one');
    expect((await finding).authconfig?.password).toBe('two');
  });

  it.each<[string, string, string]>([
    ['no JSON', `{"auths": {"a.example": {"auth": "${SECRET}"`, 'is no JSON (line 1 column'],
    ['other JSON', `["${SECRET}"]`, 'is no config.json of docker: '],
    ['no text at all', '', 'is no JSON'],
    ['words alone', SECRET, 'is no JSON'],
    ['an entry that is none', `{"auths": {"a.example": "${SECRET}"}}`, 'at auths["a.example"]'],
    [
      'an entry of another form',
      `{"auths": {"a.example": {"auth": "${SECRET}"}}}`,
      'expected USER:PASSWORD in base64',
    ],
    [
      'a path as a helper',
      `{"credsStore": "../${SECRET}"}`,
      'expected NAME of a program docker-credential-NAME',
    ],
  ])(
    'is an error of the configuration where the file is %s, and the error says nothing of it',
    async (_what, text, why) => {
      await writeFile(path, text);

      const error = await find('a.example/app').catch((failure: unknown) => failure);

      expect(error).toMatchObject({
        type: 'ConfigInvalid',
        message: expect.stringContaining(`${path} (SLIPWAY_DOCKER_CONFIG) is no `),
      });
      expect((error as Error).cause).toBeUndefined();
      expect(String(error)).toContain(why);
      expect(String(error)).not.toContain(SECRET);
    },
  );

  it('is an error where the file that was named is missing', async () => {
    await expect(find('a.example/app')).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: `${path} (SLIPWAY_DOCKER_CONFIG) cannot be read (ENOENT)`,
    });
  });

  it('is left alone where one’s own file is missing or of no use, and its trouble is the advice', async () => {
    const missing = await find('a.example/app', true);
    await write({ credsStore: 'gone' });
    const broken = await find('a.example/app', true);

    expect(missing).toMatchObject({
      advice: `${path} has no credentials for registry "a.example"; type: docker login a.example`,
    });
    expect(broken.authconfig).toBeUndefined();
    expect(broken.advice).toContain(
      `${path} names the credential helper docker-credential-gone, which is not on PATH`,
    );
  });

  it('keeps its secrets out of what engine and registry say', async () => {
    await write({ auths: { 'a.example': { ...basic('me', SECRET), identitytoken: `id-${SECRET}` } } });
    const { clean } = await find('a.example/app');
    const auth = Buffer.from(`me:${SECRET}`).toString('base64');
    const failure = Object.assign(new Error(`refused id-${SECRET}, ${SECRET} and ${auth}`), {
      statusCode: 500,
    });
    const harmless = new Error('unauthorized');

    expect(clean(failure)).toMatchObject({ statusCode: 500, message: expect.stringContaining('refused ') });
    expect((clean(failure) as Error).message).toMatch(/^refused (id-)?\*\*\*, \*\*\* and \*\*\*$/);
    expect((clean(failure) as Error).stack).not.toContain(SECRET);
    expect(clean(harmless)).toBe(harmless);
  });
});

describe('a credential helper', () => {
  const print = (username: string, secret: string): string =>
    `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`;

  it('is asked for the registry’s key, the registry’s own before that of all', async () => {
    await helper(
      'all',
      `key=$(cat); test "$1" = get && printf '{"Username":"all","Secret":"for %s"}' "$key"`,
    );
    await helper('one', print('<token>', 'id'));
    await write({
      auths: { 'a.example': basic('me', 'not asked') },
      credsStore: 'all',
      credHelpers: { 'one.example': 'one', 'none.example': '' },
    });

    expect((await find('a.example/app')).authconfig).toEqual({
      username: 'all',
      password: 'for a.example',
      serveraddress: 'a.example',
    });
    expect((await find('debian')).authconfig).toMatchObject({ password: `for ${INDEX}` });
    expect((await find('one.example/app')).authconfig).toEqual({
      identitytoken: 'id',
      serveraddress: 'one.example',
    });
    expect((await find('none.example/app')).authconfig).toBeUndefined();
  });

  it('may have none', async () => {
    await helper('all', 'echo credentials not found in native keychain; exit 1');
    await write({ credsStore: 'all' });

    expect((await find('a.example/app')).authconfig).toBeUndefined();
  });

  it('that is missing is an error of the configuration, and one that fails may do better next time', async () => {
    await write({ credHelpers: { 'a.example': 'gone', 'b.example': 'fails' } });
    await helper('fails', `echo 'the vault is closed'; exit 1`);

    await expect(find('a.example/app')).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: expect.stringContaining('docker-credential-gone, which is not on PATH'),
    });
    await expect(find('b.example/app')).rejects.toMatchObject({
      type: 'EngineRequestFailed',
      retryable: true,
      message: expect.stringContaining(
        'docker-credential-fails gave no credentials for "b.example": the vault is closed',
      ),
    });
  });

  it.each([
    ['something else', `echo '${SECRET}'`, 'ConfigInvalid'],
    ['an answer and fails', `${print('me', SECRET)}; exit 1`, 'EngineRequestFailed'],
  ])('that prints %s shows nobody what', async (_what, script, type) => {
    await write({ credsStore: 'odd' });
    await helper('odd', script);

    const error = await find('a.example/app').catch((failure: unknown) => failure);

    expect(error).toMatchObject({ type });
    expect((error as Error).cause).toBeUndefined();
    expect(String(error)).not.toContain(SECRET);
  });

  it('that hangs is given up', async () => {
    await helper('hangs', 'exec sleep 617');
    const question = { namedBy: path, doing: 'pull image a', signal, answerMs: 200 };

    await expect(askHelper('hangs', 'a.example', question)).rejects.toMatchObject({
      type: 'EngineRequestFailed',
      message: expect.stringContaining('it gave no answer within 0.2 s'),
    });
    const leaving = { ...question, signal: AbortSignal.timeout(200), answerMs: 60_000 };
    await expect(askHelper('hangs', 'a.example', leaving)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
