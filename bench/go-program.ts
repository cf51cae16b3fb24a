import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildWithGo } from '../stack/build-with-go.ts';
import { cacheDirectory } from '../stack/cache-directory.ts';
import { isExecutable } from '../stack/find-program.ts';
import type { StackOptions } from '../stack/stack-options.ts';

export interface GoProgram {
  readonly name: string;
  readonly module: string;
  readonly version: string;
}

/** A program to compare with, or an engine to try on: from the user's cache, else made with Go. @throws {SetupFailed} */
export async function ensureGoProgram(program: GoProgram, options: StackOptions): Promise<string> {
  const { name, version } = program;
  const path = join(cacheDirectory(options.env), 'tools', `${name}-${version}`, name);
  if (await isExecutable(path)) return path;
  const aside = `${dirname(path)}.${process.pid}`;
  const note = (message: string): void =>
    options.onProgress({ part: name, state: 'note', message, elapsedMs: 0 });
  note(`building ${name} ${version} with Go (some minutes, once)`);
  const otherwise = 'Install Go 1.24 or newer';
  try {
    const built = await buildWithGo({ ...program, title: name, otherwise }, aside, { ...options, note });
    await mkdir(dirname(path), { recursive: true });
    await rename(built, path);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return path;
}
