import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildWithGo } from './build-with-go.ts';
import { cacheDirectory } from './cache-directory.ts';
import { withCacheLock } from './cache-lock.ts';
import { download, DownloadFailed } from './download.ts';
import { findProgram, isExecutable } from './find-program.ts';
import { inCache } from './in-cache.ts';
import { reportStep } from './report-step.ts';
import type { Note } from './report-step.ts';
import type { StackOptions } from './stack-options.ts';
import { releaseFor } from './tool-release.ts';
import type { ReleaseToFetch, ToolRelease } from './tool-release.ts';
import { unpackProgram } from './unpack-program.ts';

/** A program of the stack that is taken from PATH, else from the user's cache, else downloaded, else made with Go. */
export interface Tool {
  /** Name of the program and of the part in progress lines. */
  readonly name: string;
  readonly part: string;
  /** What people call it. */
  readonly title: string;
  readonly version: string;
  readonly release: ToolRelease;
  /** The Go module that makes it. */
  readonly module: string;
  /** Whether a found program can do what is needed; shows it by running it. */
  readonly isUsable: (path: string, signal: AbortSignal) => Promise<boolean>;
  /** What to type or set instead of having it made. */
  readonly otherwise: string;
}

/** Where a usable program is; undefined when it would have to be got. @throws the signal's reason */
export async function findTool(
  tool: Tool,
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<string | undefined> {
  const onPath = await findProgram(tool.name, options.env);
  if (onPath && (await isUsable(tool, onPath, options.signal))) return onPath;
  const cached = cachedPath(tool, options.env);
  return (await isExecutable(cached)) && (await isUsable(tool, cached, options.signal)) ? cached : undefined;
}

/** A trial that was broken off says nothing about the program. */
async function isUsable(tool: Tool, path: string, signal: AbortSignal): Promise<boolean> {
  const usable = await tool.isUsable(path, signal);
  signal.throwIfAborted();
  return usable;
}

/** Finds the program or gets it, once for all checkouts of this user. @throws {SetupFailed} */
export async function ensureTool(tool: Tool, options: StackOptions): Promise<string> {
  const note = (message: string): void =>
    options.onProgress({ part: tool.part, state: 'note', message, elapsedMs: 0 });
  const found = await findTool(tool, options);
  if (found) {
    note(`${tool.title}: ${found}`);
    return found;
  }
  options.signal.throwIfAborted();
  const onPath = await findProgram(tool.name, options.env);
  if (onPath) note(`${onPath} cannot do what is needed (too old?), so another one is taken`);
  const target = cachedPath(tool, options.env);
  const tools = dirname(dirname(target));
  const lock = join(tools, `.${basename(dirname(target))}.lock`);
  const onWait = ({ pid }: { readonly pid: number }): void =>
    note(`process ${pid} is getting ${tool.title} already; waiting for it`);
  return inCache(tool.title, options.env, async () => {
    await mkdir(tools, { recursive: true });
    return withCacheLock(lock, { signal: options.signal, onWait }, async () => {
      const meanwhile = await findTool(tool, options);
      if (meanwhile) return meanwhile;
      return get(tool, target, options);
    });
  });
}

function cachedPath(tool: Tool, env: NodeJS.ProcessEnv): string {
  return join(cacheDirectory(env), 'tools', `${tool.name}-${tool.version}`, tool.name);
}

/** Everything is made aside and moved into place, so that a half or wrong one is never taken for the tool. */
async function get(tool: Tool, target: string, options: StackOptions): Promise<string> {
  const tools = dirname(dirname(target));
  const aside = join(tools, `.${tool.name}-${tool.version}`);
  await mkdir(aside, { recursive: true });
  const place = async (made: string): Promise<string> => {
    await mkdir(dirname(target), { recursive: true });
    await rename(made, target);
    await rm(aside, { recursive: true, force: true });
    return target;
  };
  const release = releaseFor(tool.release, { platform: process.platform, arch: process.arch }, options.env);
  const downloaded = release && (await tryRelease(tool, release, aside, options));
  if (downloaded) return place(downloaded);
  return reportStep(options, tool.part, {
    doing: `building ${tool.title} ${tool.version} with Go, into ${target} (some minutes, once)`,
    done: (path) => `${tool.title} built: ${path}`,
    run: async (note) => place(await buildWithGo(tool, aside, { ...options, note })),
  });
}

/** The program from its release; undefined, with one line saying why, when it cannot be had. */
async function tryRelease(
  tool: Tool,
  release: ReleaseToFetch,
  aside: string,
  options: StackOptions,
): Promise<string | undefined> {
  const began = Date.now();
  const say = (state: 'start' | 'note' | 'done', message: string): void =>
    options.onProgress({ part: tool.part, state, message, elapsedMs: Date.now() - began });
  say('start', `downloading ${tool.title} ${tool.version} from ${release.url}`);
  try {
    const program = await fetchProgram(tool, release, aside, {
      env: options.env,
      signal: options.signal,
      note: (message) => say('note', message),
    });
    say('done', `${tool.title} was downloaded, its SHA-256 is right`);
    return program;
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof DownloadFailed)) throw error;
    say('note', `it cannot be downloaded (${error.message})`);
    return undefined;
  }
}

async function fetchProgram(
  tool: Tool,
  release: ReleaseToFetch,
  aside: string,
  { env, signal, note }: Pick<StackOptions, 'env' | 'signal'> & { readonly note: Note },
): Promise<string> {
  // What a killed set-up left of it goes on.
  const archive = join(aside, release.file);
  const program = join(aside, 'downloaded', tool.name);
  await mkdir(dirname(program), { recursive: true });
  await download(release.url, archive, { sha256: release.sha256, env, signal, note });
  await unpackProgram(archive, { program: release.program, target: program, signal });
  if (!(await isUsable(tool, program, signal)))
    throw new DownloadFailed(`${release.file} has a program that does not run here`);
  return program;
}
