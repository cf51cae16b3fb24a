import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigInvalid, SetupFailed } from '../../../model/errors.ts';
import { runCommand } from '../../../stack/run-command.ts';
import { S3_TOOL } from '../../../stack/s3-tool.ts';
import { TEMPORAL_TOOL } from '../../../stack/temporal-tool.ts';
import { releaseFor } from '../../../stack/tool-release.ts';
import { ensureTool, findTool } from '../../../stack/tool.ts';
import type { Tool } from '../../../stack/tool.ts';
import { startForwardProxy } from '../../helpers/forward-proxy.ts';
import { archiveOf, startReleaseServer } from '../../helpers/release-server.ts';
import type { ReleaseBehaviour, ReleaseServer } from '../../helpers/release-server.ts';

const PROGRAM = '#!/bin/sh\necho slipway-test-tool "$0"\n';
/** Not to be squeezed, so that the archive is long enough to be cut. */
const BALLAST = randomBytes(300_000);

let home: string;
let archive: Buffer;
let told: string[];

beforeEach(async () => {
  // A home as some have it.
  home = await mkdtemp(join(tmpdir(), 'slipway tööls '));
  archive = await archiveOf({ LICENSE: BALLAST, 'a-tool_v1_Any/a-tool': PROGRAM, 'a-tool': 'not this one' });
  told = [];
  // A real Go starts a process that writes its telemetry into the home after its end.
  const telemetry = join(home, '.config', 'go', 'telemetry');
  await mkdir(telemetry, { recursive: true });
  await writeFile(join(telemetry, 'mode'), 'off\n');
});

afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));

function aTool(change: Partial<Tool> = {}): Tool {
  const anywhere = {
    file: 'a-tool_v1_Any.tar.gz',
    program: 'a-tool_v1_Any/a-tool',
    sha256: createHash('sha256').update(archive).digest('hex'),
  };
  return {
    name: 'a-tool',
    part: 'tool',
    title: 'the tool',
    version: 'v1',
    release: {
      directory: 'maker/a-tool/releases/download/v1',
      archives: { [`${process.platform}-${process.arch}`]: anywhere },
    },
    module: 'example.invalid/a-tool',
    isUsable: async (path) => (await runCommand([path]).catch(() => '')).includes('slipway-test-tool'),
    otherwise: 'Do without',
    ...change,
  };
}

function serve(...behaviours: ReleaseBehaviour[]): Promise<ReleaseServer> {
  const path = '/maker/a-tool/releases/download/v1/a-tool_v1_Any.tar.gz';
  return startReleaseServer(path, archive, behaviours.length > 0 ? behaviours : undefined);
}

/** PATH has a shell and no Go, unless a directory is given. */
function options(url: string, path = '/bin'): Parameters<typeof ensureTool>[1] {
  return {
    stateDirectory: home,
    env: { HOME: home, PATH: path, SLIPWAY_DOWNLOADS: url, GOPROXY: 'off' },
    signal: AbortSignal.timeout(60_000),
    onProgress: ({ message }) => told.push(message),
  };
}

/** A Go that "builds" a usable tool, and keeps count. */
async function aGo(): Promise<string> {
  const directory = join(home, 'go-bin');
  await mkdir(directory, { recursive: true });
  const script = `#!/bin/sh\necho "$@" >> '${home}/go-calls'\nsleep 0.3\ncat > "$GOBIN/a-tool" <<'END'\n${PROGRAM}END\nchmod +x "$GOBIN/a-tool"\n`;
  await writeFile(join(directory, 'go'), script);
  await chmod(join(directory, 'go'), 0o755);
  return `${directory}:/bin`;
}

const cached = (): string => join(home, '.cache', 'slipway', 'tools', 'a-tool-v1', 'a-tool');

async function expectOnlyTheTool(): Promise<void> {
  expect(await readFile(cached(), 'utf8')).toBe(PROGRAM);
  expect(await readdir(join(home, '.cache', 'slipway', 'tools'))).toEqual(['a-tool-v1']);
}

describe('ensureTool', () => {
  it('downloads the release into the cache once, and takes it from there afterwards', async () => {
    await using server = await serve();

    const got = await ensureTool(aTool(), options(server.url));
    const again = await ensureTool(aTool(), options(server.url));

    expect([got, again]).toEqual([cached(), cached()]);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/maker/a-tool/releases/download/v1/a-tool_v1_Any.tar.gz',
    ]);
    expect(told.join('\n')).toMatch(/downloading the tool v1 from http.*\n.*its SHA-256 is right/);
    await expectOnlyTheTool();
  });

  it('is not deceived by a trial that was broken off: it gets nothing, and leaves nothing behind', async () => {
    await using server = await serve();
    await ensureTool(aTool(), options(server.url));
    told = [];
    const interruption = new AbortController();
    const broken = new Error('another part has failed');
    const isUsable: Tool['isUsable'] = async (path, signal) => {
      const trial = runCommand([path], { signal }).catch(() => '');
      interruption.abort(broken);
      return (await trial).includes('slipway-test-tool');
    };

    const interrupted = { ...options(server.url), signal: interruption.signal };

    await expect(ensureTool(aTool({ isUsable }), interrupted)).rejects.toBe(broken);
    await expect(findTool(aTool({ isUsable }), interrupted)).rejects.toBe(broken);
    expect(told).toEqual([]);
    expect(server.requests).toHaveLength(1);
    await expectOnlyTheTool();
  });

  it('goes on where a body was cut, as often as something comes', async () => {
    const cut: ReleaseBehaviour = { kind: 'cut', afterBytes: 100_000 };
    await using server = await serve(cut, cut, { kind: 'good' });

    await ensureTool(aTool(), options(server.url));

    const [first, ...rest] = server.requests.map(({ range }) => range);
    expect(first).toBeUndefined();
    expect(rest).toHaveLength(2);
    for (const range of rest) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
    await expectOnlyTheTool();
  });

  it('begins again where a server knows no parts, and when what a killed set-up left is of another file', async () => {
    await using server = await serve({ kind: 'cut', afterBytes: 50_000 }, { kind: 'no-ranges' });
    await ensureTool(aTool(), options(server.url));
    await expectOnlyTheTool();

    await rm(join(home, '.cache'), { recursive: true });
    const aside = join(home, '.cache', 'slipway', 'tools', '.a-tool-v1');
    await mkdir(aside, { recursive: true });
    await writeFile(join(aside, 'a-tool_v1_Any.tar.gz'), 'of another file');
    await using other = await serve();
    await ensureTool(aTool(), options(other.url));

    expect(other.requests.map(({ range }) => range)).toEqual(['bytes=15-', undefined]);
    await expectOnlyTheTool();
  });

  it('goes by the proxy that the environment names, also where the release is elsewhere than its address says', async () => {
    await using server = await serve();
    await using proxy = await startForwardProxy(server.url);
    const env = { ...options('http://releases.invalid').env, HTTP_PROXY: proxy.url };

    await ensureTool(aTool(), { ...options(''), env });

    const release = '/maker/a-tool/releases/download/v1/a-tool_v1_Any.tar.gz';
    expect(proxy.asked).toEqual([
      `GET http://releases.invalid${release}`,
      `GET http://assets.invalid${release}`,
    ]);
    expect(server.requests.map(({ path }) => path)).toEqual([release]);
    await expectOnlyTheTool();
  });

  it('asks the proxy for a tunnel where the release is at an https address, and not where NO_PROXY names that', async () => {
    await using proxy = await startForwardProxy('');
    const go = await aGo();
    const get = async (settings: NodeJS.ProcessEnv): Promise<void> => {
      const env = { ...options('https://releases.invalid', go).env, HTTPS_PROXY: proxy.url, ...settings };
      await ensureTool(aTool(), { ...options(''), env });
      await rm(join(home, '.cache'), { recursive: true });
    };

    await get({});
    await get({ NO_PROXY: 'releases.invalid' });

    expect(proxy.asked).toEqual(['CONNECT releases.invalid:443']);
    expect(told.filter((line) => line.includes('cannot be downloaded'))).toEqual([
      expect.stringContaining('403'),
      expect.stringContaining('getaddrinfo'),
    ]);
  });

  it('does not use a file with the wrong checksum, says so, and builds with Go', async () => {
    await using server = await serve();
    const sound = aTool().release.archives;
    const archives = Object.fromEntries(
      Object.entries(sound).map(([key, value]) => [key, { ...value, sha256: '0'.repeat(64) }]),
    );
    const tool = aTool({ release: { directory: aTool().release.directory, archives } });

    await ensureTool(tool, options(server.url, await aGo()));

    expect(told.filter((line) => line.includes('cannot be downloaded'))).toEqual([
      expect.stringContaining(`not ${'0'.repeat(64)}`),
    ]);
    expect(await readFile(join(home, 'go-calls'), 'utf8')).toBe('install example.invalid/a-tool@v1\n');
    await expectOnlyTheTool();
  });

  it.each([
    ['HTTP 404', { kind: 'status', status: 404 }, 1],
    ['HTTP 503', { kind: 'status', status: 503 }, 3],
  ] as const)('builds with Go after %s, with one line that says so', async (words, behaviour, requests) => {
    await using server = await serve(behaviour);

    await ensureTool(aTool(), options(server.url, await aGo()));

    expect(told.filter((line) => line.includes('cannot be downloaded'))).toEqual([
      expect.stringContaining(words),
    ]);
    expect(server.requests).toHaveLength(requests);
    await expectOnlyTheTool();
  });

  it('builds with Go at once where nothing listens or no such host is known, and downloads nothing when told so', async () => {
    const go = await aGo();
    for (const url of ['http://127.0.0.1:1', 'http://no-such-host.invalid']) {
      await ensureTool(aTool(), options(url, go));
      await rm(join(home, '.cache'), { recursive: true });
    }
    expect(told.filter((line) => line.includes('cannot be downloaded'))).toEqual([
      expect.stringContaining('127.0.0.1:1'),
      expect.stringContaining('no-such-host.invalid'),
    ]);

    told = [];
    await ensureTool(aTool(), options('none', go));

    expect(told).toEqual([expect.stringContaining('building the tool v1 with Go'), expect.any(String)]);
  });

  it('says what is missing, why and what to do where there is neither internet nor Go', async () => {
    const getting = ensureTool(aTool(), options('http://127.0.0.1:1', '/nowhere'));

    // Some machines have Go in the system's own directory.
    const failure = await getting.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupFailed);
    expect((failure as Error).message).toMatch(/the tool (is missing.*no Go|could not be built)/);
    expect((failure as Error).message).toContain('Do without');
  });

  it('builds with Go where there is no room for the download, and says so', async () => {
    await using server = await serve();
    const aside = join(home, '.cache', 'slipway', 'tools', '.a-tool-v1');
    await mkdir(aside, { recursive: true });
    // Whatever is written there, there is no room for it.
    await symlink('/dev/full', join(aside, 'a-tool_v1_Any.tar.gz'));

    await ensureTool(aTool(), options(server.url, await aGo()));

    expect(told.join('\n')).toContain('cannot be downloaded (ENOSPC: no space left on device');
    await expectOnlyTheTool();
  });

  it('says what to do when the cache cannot be written', async () => {
    await writeFile(join(home, '.cache'), 'a file');

    await expect(ensureTool(aTool(), options('none'))).rejects.toThrow('set XDG_CACHE_HOME to another one');
  });

  it('says what to do when the file system of the cache refuses to be written in the middle', async () => {
    const aside = join(home, '.cache', 'slipway', 'tools', '.a-tool-v1');
    await mkdir(join(aside, '..'), { recursive: true });
    await writeFile(aside, 'a file where a directory is needed');

    const getting = ensureTool(aTool(), options('none'));

    await expect(getting).rejects.toBeInstanceOf(SetupFailed);
    await expect(getting).rejects.toThrow(/^the tool cannot be kept: .*XDG_CACHE_HOME/);
  });

  it.each(['mirror', 'ftp://mirror.example', '/a/directory'])(
    'says what SLIPWAY_DOWNLOADS is to be when it is %s',
    async (value) => {
      const getting = ensureTool(aTool(), options(value));

      await expect(getting).rejects.toBeInstanceOf(ConfigInvalid);
      await expect(getting).rejects.toThrow(
        `SLIPWAY_DOWNLOADS is "${value}", which is no address of a mirror`,
      );
    },
  );

  it('passes over a program on PATH that cannot do what is needed, and says so', async () => {
    await using server = await serve();
    const directory = join(home, 'old');
    await mkdir(directory);
    await writeFile(join(directory, 'a-tool'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });

    const got = await ensureTool(aTool(), options(server.url, `${directory}:/bin`));

    expect(got).toBe(cached());
    expect(told[0]).toBe(`${directory}/a-tool cannot do what is needed (too old?), so another one is taken`);
  });

  it('takes the program on PATH before all else', async () => {
    await mkdir(join(home, 'own'));
    await writeFile(join(home, 'own', 'a-tool'), PROGRAM, { mode: 0o755 });

    const found = await findTool(aTool(), options('none', `${home}/own:/bin`));

    expect(found).toBe(join(home, 'own', 'a-tool'));
  });

  it('is done once when two set-ups run at once, also after a third one was killed in the middle', async () => {
    const go = await aGo();
    const script = join(home, 'ensure.ts');
    const room = pathToFileURL(join(import.meta.dirname, '..', '..', '..', 'stack', 'tool.ts')).href;
    await writeFile(
      script,
      `import { readFileSync } from 'node:fs';
       const { ensureTool } = await import(${JSON.stringify(room)});
       await ensureTool({ name: 'a-tool', part: 'tool', title: 'the tool', version: 'v1', module: 'm', otherwise: '',
         release: { directory: '', archives: {} }, isUsable: async (path) => readFileSync(path, 'utf8').includes('slipway-test-tool') },
         { stateDirectory: '', env: process.env, signal: new AbortController().signal, onProgress: ({ message }) => console.log(message) });`,
    );
    const start = (): ReturnType<typeof spawn> =>
      spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
        env: { HOME: home, PATH: go, SLIPWAY_DOWNLOADS: 'none' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const killed = start();
    await once(killed.stdout!, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    // Its Go goes on for a moment, as it would.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await rm(join(home, 'go-calls'), { force: true });

    const codes = await Promise.all([start(), start()].map(async (child) => (await once(child, 'exit'))[0]));

    expect(codes).toEqual([0, 0]);
    expect(await readFile(join(home, 'go-calls'), 'utf8')).toBe('install m@v1\n');
    await expectOnlyTheTool();
  }, 60_000);
});

describe('the releases', () => {
  it.each([
    ['linux', 'x64', 'linux_amd64', 'Linux_x86_64'],
    ['linux', 'arm64', 'linux_arm64', 'Linux_arm64'],
    ['darwin', 'x64', 'darwin_amd64', 'Darwin_x86_64'],
    ['darwin', 'arm64', 'darwin_arm64', 'Darwin_arm64'],
  ])("have their makers' names on %s %s", (platform, arch, temporal, versitygw) => {
    const of = (tool: Tool) => releaseFor(tool.release, { platform, arch }, {});

    expect(of(TEMPORAL_TOOL)).toMatchObject({
      url: `https://github.com/temporalio/cli/releases/download/v1.5.1/temporal_cli_1.5.1_${temporal}.tar.gz`,
      program: 'temporal',
    });
    expect(of(S3_TOOL)).toMatchObject({
      url: `https://github.com/versity/versitygw/releases/download/v1.8.0/versitygw_v1.8.0_${versitygw}.tar.gz`,
      program: `versitygw_v1.8.0_${versitygw}/versitygw`,
    });
  });

  it('are of the version that Go would build, with a checksum each', () => {
    for (const { version, release } of [TEMPORAL_TOOL, S3_TOOL]) {
      expect(release.directory).toMatch(new RegExp(`/${version}$`));
      const sums = Object.values(release.archives).map(({ sha256 }) => sha256);
      expect(new Set(sums).size).toBe(4);
      for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('are not for other machines, nor when nothing shall be downloaded; a mirror has the same paths', () => {
    expect(releaseFor(TEMPORAL_TOOL.release, { platform: 'freebsd', arch: 'x64' }, {})).toBeUndefined();
    const linux = { platform: 'linux', arch: 'x64' };
    expect(releaseFor(TEMPORAL_TOOL.release, linux, { SLIPWAY_DOWNLOADS: 'none' })).toBeUndefined();
    expect(
      releaseFor(TEMPORAL_TOOL.release, linux, { SLIPWAY_DOWNLOADS: 'https://mirror.example/github' })?.url,
    ).toBe(
      'https://mirror.example/github/temporalio/cli/releases/download/v1.5.1/temporal_cli_1.5.1_linux_amd64.tar.gz',
    );
  });
});
