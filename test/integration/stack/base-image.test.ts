import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ensureBaseImage } from '../../../stack/base-image.ts';
import { EngineAccess } from '../../../stack/engine-access.ts';
import { mountsBelow } from '../../../stack/unmount-below.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { until } from '../../helpers/live-stack.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(240_000);

let home: string;
let told: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway bäse '));
  told = [];
});

afterEach(() => rm(home, { recursive: true }));

function options(path = process.env['PATH']): Parameters<typeof ensureBaseImage>[1] {
  return {
    stateDirectory: home,
    env: { HOME: home, PATH: path },
    signal: AbortSignal.timeout(120_000),
    onProgress: ({ message }) => told.push(message),
  };
}

const images = (): string => join(home, '.cache', 'slipway', 'images');

/** In place of debootstrap: what its tree needs for us, without the minute. It waits for `go`, with its /proc mounted. */
async function standIn(): Promise<string> {
  const directory = join(home, 'bin');
  await mkdir(directory, { recursive: true });
  const script = `#!/bin/sh
for root; do :; done
case "$root" in *" "*) exit 1;; esac
echo "$root" >> '${home}/calls'
mkdir -p "$root/proc" "$root/etc" "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log"
mount -t proc proc "$root/proc"
while ! [ -e '${home}/go' ]; do sleep 0.1; done
umount "$root/proc"
echo made > "$root/etc/debian_version"
`;
  await writeFile(join(directory, 'debootstrap'), script, { mode: 0o755 });
  return `${directory}:${process.env['PATH']}`;
}

describe('ensureBaseImage', () => {
  it('pulls where a registry answers, calls no package manager, and keeps the image for engines without one', async () => {
    await using registry = await startImageRegistry({ hello: tinyProgram('hello\n') });
    {
      await using engine = await startSecondEngine({ arguments: ['--registry-mirror', registry.url] });

      const base = await ensureBaseImage(
        new EngineAccess(`unix://${engine.socketPath}`),
        options('/nowhere'),
      );

      expect(base).toEqual({ reference: 'debian:bookworm', source: 'pulled' });
      expect(told).toEqual(['pulling debian:bookworm', 'pulled debian:bookworm']);
    }
    const asked = registry.requests.length;
    expect(asked).toBeGreaterThan(0);
    await using engine = await startSecondEngine();

    const again = await ensureBaseImage(new EngineAccess(`unix://${engine.socketPath}`), options('/nowhere'));

    expect(again.source).toBe('cache');
    expect(registry.requests).toHaveLength(asked);
    const container = await engine.docker.createContainer({ Image: 'debian:bookworm', Cmd: ['/hello'] });
    await container.start();
    expect(await container.wait()).toMatchObject({ StatusCode: 0 });
    await container.remove();
    expect(await readdir(images())).toEqual(['debian-bookworm-amd64.tar']);
  });

  it('is got anew where the one in the cache is broken: cut, of nothing, or of another image', async () => {
    await using registry = await startImageRegistry({ hello: tinyProgram('hello\n') });
    await using engine = await startSecondEngine({ arguments: ['--registry-mirror', registry.url] });
    const access = new EngineAccess(`unix://${engine.socketPath}`);
    await ensureBaseImage(access, options('/nowhere'));
    const cached = join(images(), 'debian-bookworm-amd64.tar');
    const whole = await readFile(cached);
    const image = engine.docker.getImage('debian:bookworm');
    await image.tag({ repo: 'other', tag: 'latest' });
    const other = join(home, 'other.tar');
    await access.saveImage('other:latest', other, AbortSignal.timeout(60_000));

    for (const broken of [whole.subarray(0, whole.length / 3), Buffer.alloc(0), await readFile(other)]) {
      await engine.docker.getImage('debian:bookworm').remove();
      await writeFile(cached, broken);
      told = [];

      const base = await ensureBaseImage(access, options('/nowhere'));

      expect(base.source).toBe('pulled');
      expect(told.join('\n')).toMatch(/cannot be loaded \(.*\), so it is made anew/);
      await engine.docker.getImage('debian:bookworm').remove();
      expect((await ensureBaseImage(access, options('/nowhere'))).source).toBe('cache');
    }
    expect(await readdir(images())).toEqual(['debian-bookworm-amd64.tar']);
  });

  it('is made anew after it was killed in the middle of debootstrap, once for two who ask, in a home with blanks', async () => {
    await using engine = await startSecondEngine();
    const address = `unix://${engine.socketPath}`;
    const path = await standIn();
    const room = fileURLToPath(new URL('../../../stack', import.meta.url));
    const script = `
      const { ensureBaseImage } = await import(${JSON.stringify(`${room}/base-image.ts`)});
      const { EngineAccess } = await import(${JSON.stringify(`${room}/engine-access.ts`)});
      const { source } = await ensureBaseImage(new EngineAccess(${JSON.stringify(address)}), { stateDirectory: '', env: process.env,
        signal: new AbortController().signal, onProgress: ({ message }) => console.error(message) });
      console.log(source);`;
    const start = (): ReturnType<typeof spawn> =>
      spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script],
        {
          env: { HOME: home, PATH: path },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
    const calls = (): Promise<string> => readFile(join(home, 'calls'), 'utf8').catch(() => '');
    const killed = start();
    await until(async () => (await calls()) !== '');
    const tree = (await calls()).trim();
    await until(async () => (await mountsBelow([tree])).length === 1);
    killed.kill('SIGKILL');
    await once(killed, 'exit');

    const both = [start(), start()];
    const said = both.map((child) => once(child.stdout!, 'data').then(([data]) => String(data).trim()));
    const progress = ['', ''];
    for (const [at, child] of both.entries())
      child.stderr!.on('data', (data) => (progress[at] += String(data)));
    await until(async () => (await calls()).trim().split('\n').length === 2);
    await until(() => progress.some((text) => text.includes('is making it already; waiting for it')));
    await writeFile(join(home, 'go'), '');

    expect((await Promise.all(said)).sort()).toEqual(['cache', 'debootstrap']);
    expect((await calls()).trim().split('\n')).toHaveLength(2);
    expect(await readdir(images())).toEqual(['debian-bookworm-amd64.tar']);
    expect(await mountsBelow([tree])).toEqual([]);
    await expect(stat(tree)).rejects.toThrow('ENOENT');
    expect((await engine.docker.getImage('debian:bookworm').inspect()).RepoTags).toEqual(['debian:bookworm']);
  });
});
