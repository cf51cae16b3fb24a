import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startImageEndpoint } from '../../docker/endpoint/image-endpoint.ts';
import type { ImageEndpoint } from '../../docker/endpoint/image-endpoint.ts';
import { importImageTar } from '../../docker/transport/import-tar.ts';
import { publishImage } from '../../docker/transport/publish.ts';
import { describeStoredImage } from '../../docker/transport/stored-image.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { ensurePackages } from '../../stack/engine-packages.ts';
import { openImageTarball } from '../../steps/image-tarball.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import { makeImage, noise, removeImages, testEngine } from '../helpers/engine-images.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';

jest.setTimeout(300_000);

const run = promisify(execFile);
const signal = new AbortController().signal;
const docker = testEngine();
const id = { domain: 'd', level: 1, name: 'tools', imageHash: 'abc' } as const;
const NAME = `slipway.invalid/${id.name}:${id.imageHash}`;
const made: string[] = [];
let directory: string;
const store = createStore(createMemoryObjectStore());
const { blobs } = store;
let endpoint: ImageEndpoint;
let stored: StoredImage;
let tar: string;
let zst: string;

/** podman with a place of its own. */
const podman = async (...args: string[]): Promise<string> => {
  const place = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run')];
  const { stdout } = await run('podman', [...place, '--storage-driver', 'vfs', ...args]);
  return stdout.trim();
};

const skopeo = async (...args: string[]): Promise<string> => {
  const { stdout } = await run('skopeo', ['--insecure-policy', ...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.trim();
};

interface Inspected {
  readonly RootFS: { readonly Layers: readonly string[] };
}

beforeAll(async () => {
  await ensurePackages(
    { stateDirectory: tmpdir(), env: process.env, signal, onProgress: () => undefined },
    {
      part: 'tools',
      title: 'podman and skopeo',
      programs: { podman: 'podman', skopeo: 'skopeo', zstd: 'zstd' },
      todo: 'apt-get install podman skopeo zstd',
    },
  );
  directory = await mkdtemp(join(tmpdir(), 'slipway-tools-'));
  endpoint = await startImageEndpoint({ blobs });
  const image = await makeImage(docker, {
    layers: [{ 'bin/true': tinyProgram('it runs\n'), bulk: noise(9_000_000) }, { small: 'small' }],
  });
  made.push(image.tag);
  const context = {
    docker,
    info: { imageStore: 'classic' as const, pullsZstd: false },
    blobs,
    fleet: 'test',
    endpoint,
    registryHost: `127.0.0.1:${endpoint.port}`,
  };
  stored = await publishImage(context, image.tag, { signal, mayConfirm: () => false });
  tar = join(directory, 'image.tar');
  zst = join(directory, 'image.tar.zst');
  await pipeline(openImageTarball(store, id, stored, signal), createWriteStream(tar));
  await pipeline(openImageTarball(store, id, stored, signal, 'public/image.tar.zst'), createWriteStream(zst));
});

afterAll(async () => {
  await endpoint?.close();
  await removeImages(docker, made);
  if (directory) await rm(directory, { recursive: true, force: true });
});

describe("the distribution's podman and skopeo", () => {
  it.each(['image.tar', 'image.tar.zst'])('load public/%s under its name, with its layers', async (file) => {
    await podman('load', '--input', join(directory, file));
    const [loaded] = JSON.parse(await podman('image', 'inspect', NAME)) as Inspected[];
    expect(loaded?.RootFS.Layers).toEqual(stored.diffIds);
    await podman('image', 'rm', NAME);
  });

  it.each([
    ['docker-archive', 'image.tar'],
    ['docker-archive', 'image.tar.zst'],
    ['oci-archive', 'image.tar'],
    ['oci-archive', 'image.tar.zst'],
  ])('read it as a %s (%s)', async (transport, file) => {
    const config = JSON.parse(
      await skopeo('inspect', '--config', `${transport}:${join(directory, file)}`),
    ) as { rootfs: { diff_ids: string[] } };
    expect(config.rootfs.diff_ids).toEqual(stored.diffIds);
  });

  it('zstd -d | docker load gives the image to an engine', async () => {
    await run('sh', ['-c', `zstd -d --stdout '${zst}' | docker load`], {
      env: { ...process.env, DOCKER_HOST: process.env['SLIPWAY_TEST_ENGINE'] },
    });
    made.push(NAME);
    expect((await docker.getImage(NAME).inspect()).Id).toBe(stored.configDigest);
  });

  it('write tarballs that become images: docker-archive and OCI, of one image and of several', async () => {
    await podman('load', '--input', tar);
    await writeFile(join(directory, 'Dockerfile'), `FROM ${NAME}\nCOPY Dockerfile /more\n`);
    await podman('build', '--tag', 'more:1', directory);
    const [more] = JSON.parse(await podman('image', 'inspect', 'more:1')) as Inspected[];
    const file = (name: string): string => join(directory, name);
    await podman('save', '--format', 'docker-archive', '--output', file('a.tar'), 'more:1');
    await podman('save', '--format', 'oci-archive', '--output', file('b.tar'), 'more:1');
    await podman('save', '--multi-image-archive', '--output', file('c.tar'), 'more:1', NAME);
    await skopeo('copy', `docker-archive:${file('a.tar')}`, `oci-archive:${file('d.tar')}:more:1`);
    await skopeo('copy', `oci-archive:${file('b.tar')}`, `docker-archive:${file('e.tar')}:more:1`);
    await run('gzip', ['--keep', file('a.tar')]);
    await run('zstd', ['--quiet', file('b.tar')]);
    for (const [name, chosen] of [
      ['a.tar'],
      ['a.tar.gz'],
      ['b.tar'],
      ['b.tar.zst'],
      ['c.tar', 'more:1'],
      ['d.tar'],
      ['e.tar'],
    ] as const) {
      const options = { signal, name: chosen };
      const imported = await importImageTar(blobs, createReadStream(file(name)), options);
      expect([name, imported.stored.diffIds]).toEqual([name, more?.RootFS.Layers]);
      expect(await describeStoredImage(blobs, imported.stored.manifestDigest as Digest)).toEqual(
        imported.stored,
      );
    }
    const several = importImageTar(blobs, createReadStream(file('c.tar')), { signal });
    await expect(several).rejects.toThrow(/holds 2 images.*more:1/);
  });

  it('pull from the endpoint and push to it', async () => {
    const pull = await endpoint.openPull(stored);
    const from = `127.0.0.1:${endpoint.port}/slipway@${stored.manifestDigest}`;
    const credentials = `${pull.username}:${pull.password}`;
    await skopeo(
      ...['copy', '--src-tls-verify=false', '--src-creds', credentials],
      ...[`docker://${from}`, `dir:${join(directory, 'pulled')}`],
    );
    await podman('pull', '--tls-verify=false', '--creds', credentials, from);
    const [pulled] = JSON.parse(await podman('image', 'inspect', from)) as Inspected[];
    expect(pulled?.RootFS.Layers).toEqual(stored.diffIds);
    pull.close();

    for (const push of ['skopeo', 'podman']) {
      const transfer = endpoint.openPush({ mayConfirm: () => false });
      const to = `docker://127.0.0.1:${endpoint.port}/slipway:${transfer.tag}`;
      const keys = `${transfer.username}:${transfer.password}`;
      if (push === 'podman') await podman('push', '--tls-verify=false', '--creds', keys, from, to);
      else
        await skopeo(
          ...['copy', '--dest-tls-verify=false', '--dest-creds', keys],
          ...[`dir:${join(directory, 'pulled')}`, to],
        );
      const [manifest] = transfer.result().manifests;
      const described = await describeStoredImage(blobs, manifest!.digest);
      expect([push, described.diffIds]).toEqual([push, stored.diffIds]);
      transfer.close();
    }
  });
});
