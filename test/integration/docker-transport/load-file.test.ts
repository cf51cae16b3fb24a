import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { LoadTarballOptions } from '../../../client/cli/load-tarball.ts';
import { loadTarball } from '../../../client/cli/load-tarball.ts';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { startAlteredEngine } from '../../helpers/altered-engine.ts';
import { ociLayout, savedByClassic } from '../../helpers/archives.ts';
import type { Part } from '../../helpers/archives.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { until } from '../../helpers/live-stack.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { anImage, manifestOf } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import type { TemporaryDirectory } from '../../helpers/temporary-directory.ts';

jest.setTimeout(120_000);

const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];

async function anImageFor(architecture: string): Promise<MadeImage> {
  const image = await anImage();
  const config = Buffer.from(image.config.toString().replace('"amd64"', `"${architecture}"`));
  const manifest = manifestOf(config, image.layers);
  const digests = { configDigest: digestOf(config), manifestDigest: digestOf(manifest) };
  return { ...image, config, manifest, stored: { ...image.stored, ...digests } };
}

let directory: TemporaryDirectory;
let second: SecondEngine;
let images: readonly MadeImage[];
let several: string;
beforeAll(async () => {
  directory = await temporaryDirectory('slipway-load-file-');
  second = await startSecondEngine();
  images = await Promise.all(PLATFORMS.map(({ architecture }) => anImageFor(architecture)));
  let at = 0;
  const index = (descriptor: object): object => ({ ...descriptor, platform: PLATFORMS[at++] });
  several = join(directory.path, 'several.tar');
  await writeFile(several, await ociLayout(images, { index }));
});
afterAll(async () => {
  await second?.stop();
  await directory?.[Symbol.asyncDispose]();
});

const load = async (
  file: string,
  options: LoadTarballOptions = {},
  address = `unix://${second.socketPath}`,
): Promise<string> => {
  const env = { ...process.env, SLIPWAY_DOCKER_HOST: address };
  const { terminal } = captureTerminal();
  const session = { terminal, env, signal: new AbortController().signal };
  return (await loadTarball(file, options, session)).configDigest;
};

it('A tarball for several platforms gives an engine the image of its own, and another one where that is asked for', async () => {
  await using arm = await startAlteredEngine(second.socketPath, directory.path, {
    change: (url, answer) => (url.endsWith('/info') ? { ...answer, Architecture: 'aarch64' } : answer),
  });
  const [amd64, arm64] = images.map(({ stored }) => stored.configDigest);

  expect(await load(several)).toBe(amd64);
  expect(await load(several, {}, arm.address)).toBe(arm64);
  expect(await load(several, { platform: 'linux/arm64' })).toBe(arm64);
  expect(await load(several, { platform: 'linux/amd64' }, arm.address)).toBe(amd64);
});

it('A tarball without the platform that is asked for is refused, saying which it has', async () => {
  const one = join(directory.path, 'one.tar');
  await writeFile(one, await savedByClassic(images[0]!));

  await expect(load(several, { platform: 'linux/s390x' })).rejects.toThrow(
    'it holds no image for linux/s390x, but for linux/amd64, linux/arm64',
  );
  await expect(load(one, { platform: 'linux/arm64' })).rejects.toThrow(
    'it holds no image for linux/arm64, but for linux/amd64',
  );
  expect(await load(one)).toBe(images[0]!.stored.configDigest);
});

/** Where tarballs are taken apart, for as long as that takes. */
const spools = async (): Promise<readonly string[]> =>
  (await readdir(tmpdir())).filter((name) => /^slipway-load-[^-]+$/.test(name));

/** Of one age, they are listed in any order. */
const listed = async (): Promise<readonly Docker.ImageInfo[]> =>
  (await second.docker.listImages({ all: true })).sort((a, b) => (a.Id < b.Id ? -1 : 1));

const isEscape = /a path leads out of the tar: /;
it.each<[string, Part, RegExp]>([
  ['a path that climbs out', ['../../etc/passwd', 'x'], isEscape],
  ['an absolute path', ['/etc/passwd', 'x'], isEscape],
  ['a link that leads out', [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }], isEscape],
  [
    'a device',
    [{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }],
    /it has a character-device at d/,
  ],
  ['a path twice', ['config.json', '{}'], /it has config\.json twice/],
])(
  'A tarball with %s is refused before the engine hears of it, also where it leaves out layers, and leaves nothing',
  async (_what, part, why) => {
    const asked: string[] = [];
    await using watched = await startAlteredEngine(second.socketPath, directory.path, {
      refuse: (method, url) => void asked.push(`${method} ${url}`),
    });
    const before = await listed();
    const spooled = new Set(await spools());
    const file = join(directory.path, 'hostile.tar');
    const image = images[0]!;
    const leavesOut = [{ Config: 'config.json', RepoTags: ['x:1'], Layers: ['a/layer.tar', 'c/layer.tar'] }];
    for (const manifest of [undefined, leavesOut]) {
      await writeFile(file, await savedByClassic(image, { extra: [part], manifest }));

      await expect(load(file, {}, watched.address)).rejects.toMatchObject({
        type: 'ImageTarRefused',
        message: expect.stringMatching(why) as unknown as string,
      });
    }
    expect(asked.filter((request) => !/^GET .*\/(info|version|_ping)$/.test(request))).toEqual([]);
    expect(await listed()).toEqual(before);
    await until(async () => (await spools()).every((name) => spooled.has(name)));
  },
);
