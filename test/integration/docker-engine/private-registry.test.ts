import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { DEV_ENGINE, NO_BLOBS, testFleet } from '../../helpers/dev-engine.ts';
import type { ImageRegistry, KnownLogin } from '../../helpers/image-registry.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import type { TemporaryDirectory } from '../../helpers/temporary-directory.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

jest.setTimeout(60_000);

const PASSWORD = 'never-to-be-seen';
const context = { signal: new AbortController().signal };

let directory: TemporaryDirectory;
let path: string;
let known: KnownLogin;
let registry: ImageRegistry;
let engine: Engine;
let reference: string;
beforeEach(async () => {
  directory = await temporaryDirectory('slipway-private-');
  path = join(directory.path, 'config.json');
  known = { password: { username: 'me', password: PASSWORD } };
  registry = await startImageRegistry({}, known);
  await registry.put('private', '1', { file: Buffer.from(registry.host) });
  reference = `${registry.host}/private:1`;
  engine = await connect(path);
});
afterEach(async () => {
  await engine?.images.remove(reference);
  await engine?.close();
  await registry?.[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function connect(credentials: string | undefined): Promise<Engine> {
  return connectEngine({
    address: DEV_ENGINE,
    blobs: NO_BLOBS,
    reach: { kind: 'none' },
    fleet: testFleet(),
    ...(credentials === undefined ? {} : { credentials: { path: credentials } }),
  });
}

/** Writes what the file says of registries by now. */
async function logIn(auths: Readonly<Record<string, object>>): Promise<void> {
  await writeFile(path, JSON.stringify({ auths }));
}

const basic = (password: string): { readonly auth: string } => ({
  auth: Buffer.from(`me:${password}`).toString('base64'),
});

/** How a pull and a look-up of a digest fail. */
async function failuresOf(from: Engine): Promise<readonly Error[]> {
  const outcomes = await Promise.allSettled([
    from.images.pull(reference, context),
    from.images.registryDigest(reference, context.signal),
  ]);
  return outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as Error);
}

describe('a registry that wants a login', () => {
  it('is told the one of the file, and no other registry is', async () => {
    await using other = await startImageRegistry({});
    await other.put('open', '1', { file: Buffer.from('open') });
    const open = `${other.host}/open:1`;
    await logIn({ [registry.host]: basic(PASSWORD), 'elsewhere.example': basic('of elsewhere') });

    const pulled = await engine.images.pull(reference, context);
    await engine.images.pull(open, context);

    expect(pulled.registryDigest).toBe(await engine.images.registryDigest(reference, context.signal));
    expect(await engine.images.registryDigest(open, context.signal)).toMatch(/^sha256:/);
    expect(registry.authorizations).toEqual(new Set([`Basic ${basic(PASSWORD).auth}`]));
    expect(other.authorizations).toEqual(new Set());
    await engine.images.remove(open);
  });

  it.each<[string, () => Record<string, object>, string]>([
    ['a wrong password', () => ({ [registry.host]: basic('wrong') }), 'was asked with the credentials of'],
    [
      'another registry’s',
      () => ({ 'elsewhere.example': basic(PASSWORD) }),
      'has no credentials for registry',
    ],
  ])('says no to %s, and that says which file and which key', async (_what, auths, words) => {
    await logIn(auths());

    for (const failure of await failuresOf(engine)) {
      expect(failure).toMatchObject({ type: 'ImageUnavailable', retryable: false });
      expect(failure.message).toContain(words);
      expect(failure.message).toContain(`${path} (SLIPWAY_DOCKER_CONFIG)`);
      expect(failure.message).toContain(`registry "${registry.host}"`);
    }
  });

  it('that repeats what it was told does so to nobody', async () => {
    known.isTalkative = true;
    await logIn({ [registry.host]: basic('of-yesterday') });

    const failures = await failuresOf(engine);

    // A containerd store hands on the status alone.
    expect(failures[0]?.message).toMatch(/unauthorized is Basic \*\*\*|401 Unauthorized/);
    const { auth } = basic('of-yesterday');
    const told = failures.flatMap((failure) => [failure, failure.cause as Error]);
    expect(told.filter(({ stack = '' }) => stack.includes(auth))).toEqual([]);
  });

  it('says no where nobody gave a file, and that says what to set', async () => {
    const without = await connect(undefined);
    try {
      for (const failure of await failuresOf(without)) {
        expect(failure).toMatchObject({ type: 'ImageUnavailable' });
        expect(failure.message).toContain(
          `registry "${registry.host}" was asked without credentials: set SLIPWAY_DOCKER_CONFIG`,
        );
      }
    } finally {
      await without.close();
    }
  });

  it('gives its images as soon as the file has the password of the day', async () => {
    await logIn({ [registry.host]: basic(PASSWORD) });
    known.password = { username: 'me', password: 'of the next day' };
    const [before] = await failuresOf(engine);
    await logIn({ [registry.host]: basic('of the next day') });

    expect(before).toMatchObject({ type: 'ImageUnavailable' });
    expect((await engine.images.pull(reference, context)).registryDigest).toMatch(/^sha256:/);
  });

  it('gives them for an identity token, by way of its own service', async () => {
    delete known.password;
    known.identityToken = 'identity';
    await logIn({ [registry.host]: { identitytoken: 'another' } });
    const failures = await failuresOf(engine);
    await logIn({ [registry.host]: { identitytoken: 'identity' } });

    expect(failures).toMatchObject([{ type: 'ImageUnavailable' }, { type: 'ImageUnavailable' }]);
    expect(JSON.stringify(failures.map(String))).not.toContain('another');
    const { registryDigest } = await engine.images.pull(reference, context);
    expect(registryDigest).toBe(await engine.images.registryDigest(reference, context.signal));
  });

  it('is not asked where the file is broken', async () => {
    await writeFile(path, `{"auths": "${PASSWORD}"}`);

    for (const failure of await failuresOf(engine)) {
      expect(failure).toMatchObject({ type: 'ConfigInvalid', retryable: false });
      expect(failure.message).toContain(`${path} (SLIPWAY_DOCKER_CONFIG) is no config.json of docker`);
      expect(failure.message).not.toContain(PASSWORD);
    }
    expect(registry.requests).toEqual([]);
  });
});
