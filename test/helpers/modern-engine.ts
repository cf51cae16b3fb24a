import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildWithGo } from '../../stack/build-with-go.ts';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { isExecutable } from '../../stack/find-program.ts';
import { runCommand } from '../../stack/run-command.ts';

/** Of one time, so that they understand each other. */
const ENGINE = 'v2.0.0-beta.24';
const PROGRAMS = [
  { name: 'dockerd', module: 'github.com/moby/moby/v2/cmd/dockerd', version: ENGINE },
  { name: 'containerd', module: 'github.com/containerd/containerd/v2/cmd/containerd', version: 'v2.4.2' },
  {
    name: 'containerd-shim-runc-v2',
    module: 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
    version: 'v2.4.2',
  },
  // The distribution's is too old for this containerd.
  { name: 'runc', module: 'github.com/opencontainers/runc', version: 'v1.5.2', goFlags: '-tags=seccomp' },
] as const;

/** The directory with the programs of an engine with the containerd image store, made with Go where it is not there. */
export async function ensureModernEngine(
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<string> {
  const directory = join(cacheDirectory(env), 'tools', `moby-${ENGINE}`);
  const aside = `${directory}.${process.pid}`;
  const signal = AbortSignal.timeout(60 * 60_000);
  try {
    for (const program of PROGRAMS) {
      const path = join(directory, program.name);
      if (await isExecutable(path)) continue;
      if (program.name === 'runc') await haveSeccomp(env, signal);
      say(`building ${program.name} ${program.version} with Go (some minutes, once)`);
      const built = await buildWithGo(
        { ...program, title: program.name, otherwise: 'Install Go 1.24 or newer' },
        aside,
        { env, signal, stateDirectory: aside, onProgress: () => undefined, note: say },
      );
      await mkdir(dirname(path), { recursive: true });
      await rename(built, path);
    }
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return directory;
}

/** What runc is built with, from the distribution. */
async function haveSeccomp(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  try {
    await runCommand(['pkg-config', '--exists', 'libseccomp'], { env, signal });
  } catch {
    await runCommand(['apt-get', 'install', '--yes', 'libseccomp-dev', 'pkg-config'], { env, signal });
  }
}
