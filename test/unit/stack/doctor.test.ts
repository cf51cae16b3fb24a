import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { diagnosed } from '../../../stack/doctor/diagnosed.ts';
import { lookAtCredentials } from '../../../stack/doctor/look-at-credentials.ts';
import { lackOfDisk, lookAtMachine } from '../../../stack/doctor/look-at-machine.ts';
import { lookForTool } from '../../../stack/doctor/look-for-tool.ts';
import type { Tool } from '../../../stack/tool.ts';
import { startForwardProxy } from '../../helpers/forward-proxy.ts';
import { startReleaseServer } from '../../helpers/release-server.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway döctor '));
});

afterEach(() => rm(home, { recursive: true, force: true }));

const TOOL: Tool = {
  name: 'a-tool',
  part: 'tool',
  title: 'the tool',
  version: 'v1',
  release: {
    directory: 'maker/a-tool',
    archives: {
      [`${process.platform}-${process.arch}`]: { file: 'a-tool.tar.gz', program: 'a-tool', sha256: '' },
    },
  },
  module: 'example.invalid/a-tool',
  isUsable: () => Promise.resolve(true),
  otherwise: 'Do without',
};

describe('doctor about a part that keeps silent', () => {
  it('says so, and waits no longer', async () => {
    const silent = await diagnosed('store', 'Start it', () => new Promise(() => undefined), 20);

    expect(silent).toEqual({
      part: 'store',
      ok: false,
      message: 'gives no answer within 0.02 s',
      todo: 'Start it',
    });
  });
});

describe('doctor about a tool', () => {
  it('says that up downloads it, where a mirror answers, at whatever port and without TLS too', async () => {
    await using server = await startReleaseServer('/maker/a-tool/a-tool.tar.gz', Buffer.alloc(1));

    const found = await lookForTool(TOOL, { HOME: home, PATH: '/bin', SLIPWAY_DOWNLOADS: server.url });

    expect(found).toMatchObject({
      ok: true,
      where: `${server.url}/maker/a-tool/a-tool.tar.gz`,
      message: 'up downloads the tool v1',
    });
  });

  it('says that up downloads it, where a proxy leads to the mirror', async () => {
    await using server = await startReleaseServer('/maker/a-tool/a-tool.tar.gz', Buffer.alloc(1));
    await using proxy = await startForwardProxy(server.url);
    const env = {
      HOME: home,
      PATH: '/bin',
      SLIPWAY_DOWNLOADS: 'http://releases.invalid',
      HTTP_PROXY: proxy.url,
    };

    expect(await lookForTool(TOOL, env)).toMatchObject({ ok: true, message: 'up downloads the tool v1' });
    expect(proxy.asked).toEqual(['HEAD http://releases.invalid/maker/a-tool/a-tool.tar.gz']);
  });

  it('says that up builds it with Go, where nothing is to be downloaded', async () => {
    const go = join(home, 'go');
    await writeFile(go, '#!/bin/sh\n', { mode: 0o755 });

    const found = await lookForTool(TOOL, { HOME: home, PATH: home, SLIPWAY_DOWNLOADS: 'none' });

    expect(found).toMatchObject({ ok: true, where: go, message: expect.stringContaining('with Go') });
  });

  it('says that the address of the mirror is none', async () => {
    const found = await lookForTool(TOOL, { HOME: home, PATH: '/bin', SLIPWAY_DOWNLOADS: 'mirror' });

    expect(found).toMatchObject({
      ok: false,
      message: expect.stringContaining('SLIPWAY_DOWNLOADS is "mirror"'),
    });
  });
});

describe('doctor about git', () => {
  it.each([
    ['2.25.1', { ok: false, message: 'is older than 2.32', todo: 'Install git 2.32 or newer' }],
    ['2.32.0', { ok: true }],
    ['2.39.3 (Apple Git-146)', { ok: true }],
  ])('says whether %s will do', async (version, said) => {
    const where = join(home, 'git');
    await writeFile(where, `#!/bin/sh\necho 'git version ${version}'\n`, { mode: 0o755 });

    const looked = await lookAtMachine(home, { HOME: home, PATH: home });

    expect(looked.find(({ part }) => part === 'git')).toMatchObject({ where, version, ...said });
  });
});

describe('doctor about the cache', () => {
  async function ofCache(cache: string): Promise<Diagnosis | undefined> {
    const env = { HOME: home, PATH: process.env['PATH'], XDG_CACHE_HOME: cache };
    return (await lookAtMachine(home, env)).find(({ part }) => part === 'cache');
  }
  const todo = expect.stringContaining('XDG_CACHE_HOME');

  it('says that all is well where it is, or can be made', async () => {
    expect(await ofCache(join(home, 'not', 'yet'))).toMatchObject({ ok: true });
    await mkdir(join(home, '.cache', 'slipway'), { recursive: true });
    expect(await ofCache(join(home, '.cache'))).toMatchObject({ ok: true });
  });

  it('says that a file is in its place', async () => {
    const path = join(home, '.cache');
    await writeFile(path, 'a file');

    expect(await ofCache(path)).toMatchObject({ ok: false, message: `${path} is no directory`, todo });
  });

  it('says that it cannot be written', async () => {
    // Root may write everywhere but where nobody may.
    const path = process.getuid?.() === 0 ? '/proc/1' : join(home, 'read-only');
    if (path.startsWith(home)) {
      await mkdir(path);
      await chmod(path, 0o500);
    }

    expect(await ofCache(path)).toMatchObject({ ok: false, message: `${path} cannot be written`, todo });
  });
});

describe('doctor about a disk', () => {
  const GiB = 1024 ** 3;
  const disk = { bsize: 4096, bavail: (50 * GiB) / 4096, files: 3_000_000, ffree: 1_500_000 };

  it('finds nothing wrong with room for bytes and files, or where files have no limit', () => {
    expect(lackOfDisk(disk)).toBeUndefined();
    expect(lackOfDisk({ ...disk, ffree: 150_000 })).toBeUndefined();
    expect(lackOfDisk({ ...disk, files: 60_000, ffree: 50_000 })).toBeUndefined();
    expect(lackOfDisk({ ...disk, files: 0, ffree: 0 })).toBeUndefined();
  });

  it('says that it is full by bytes, or by files', () => {
    expect(lackOfDisk({ ...disk, bavail: GiB / 4096 })).toBe('only 1.0 GiB free; images need at least 5');
    const few = '50.0 GiB free, but only';
    expect(lackOfDisk({ ...disk, ffree: 149_999 })).toContain(`${few} 149999 of 3000000 inodes`);
    expect(lackOfDisk({ ...disk, files: 60_000, ffree: 49_999 })).toContain(`${few} 49999 of 60000 inodes`);
  });
});

describe('doctor about the credentials for registries', () => {
  async function look(config: unknown): Promise<readonly Diagnosis[]> {
    const path = join(home, 'config.json');
    await writeFile(path, JSON.stringify(config));
    return lookAtCredentials({ PATH: home, SLIPWAY_DOCKER_CONFIG: path });
  }

  it('says nothing where no file of them is named', async () => {
    expect(await lookAtCredentials({ HOME: home })).toEqual([]);
  });

  it('names the registries and the helpers that are asked', async () => {
    await writeFile(join(home, 'docker-credential-vault'), '#!/bin/sh\n', { mode: 0o755 });

    expect(
      await look({ auths: { 'a.example': {} }, credHelpers: { 'b.example': 'vault' }, credsStore: '' }),
    ).toMatchObject([
      { ok: true, message: 'names registries: a.example, b.example; docker-credential-vault can be asked' },
    ]);
    expect(await look({})).toMatchObject([{ ok: true, message: 'names registries: none' }]);
  });

  it('says what is wrong with the file, or which helper is missing', async () => {
    expect(await look({ auths: [] })).toMatchObject([
      {
        ok: false,
        message: expect.stringContaining('is no config.json of docker'),
        todo: expect.any(String),
      },
    ]);
    expect(await look({ credsStore: 'gone' })).toMatchObject([
      {
        ok: false,
        message: 'names docker-credential-gone, which is not there',
        todo: `Install docker-credential-gone, or mend ${join(home, 'config.json')}`,
      },
    ]);
  });
});
