import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailed } from '../model/errors.ts';
import { cacheDirectory } from './cache-directory.ts';
import { findProgram, isExecutable, widePath } from './find-program.ts';
import { reportStep } from './report-step.ts';
import type { Note } from './report-step.ts';
import { CommandFailed, runCommand } from './run-command.ts';
import type { StackOptions } from './stack-options.ts';

/** A program of the stack that is taken from PATH, else from the user's cache, else made with Go. */
export interface GoTool {
  /** Name of the program and of the part in progress lines. */
  readonly name: string;
  readonly part: string;
  /** What people call it. */
  readonly title: string;
  readonly module: string;
  readonly version: string;
  /** Whether a found program can do what is needed; shows it by running it. */
  readonly isUsable: (path: string, signal: AbortSignal) => Promise<boolean>;
  /** What to type or set instead of having it built. */
  readonly otherwise: string;
}

/** Where a usable program is; undefined when it would have to be made. */
export async function findGoTool(
  tool: GoTool,
  options: Pick<StackOptions, 'env' | 'signal'>,
): Promise<string | undefined> {
  const onPath = await findProgram(tool.name, options.env);
  if (onPath && (await tool.isUsable(onPath, options.signal))) return onPath;
  const cached = cachedPath(tool, options.env);
  return (await isExecutable(cached)) && (await tool.isUsable(cached, options.signal)) ? cached : undefined;
}

/** Finds the program or makes it, once for all checkouts of this user. @throws {SetupFailed} */
export async function ensureGoTool(tool: GoTool, options: StackOptions): Promise<string> {
  const found = await findGoTool(tool, options);
  if (found) {
    options.onProgress({ part: tool.part, state: 'note', message: `${tool.title}: ${found}`, elapsedMs: 0 });
    return found;
  }
  const target = cachedPath(tool, options.env);
  return reportStep(options, tool.part, {
    doing: `building ${tool.title} ${tool.version} with Go, into ${target} (some minutes, once)`,
    done: (path) => `${tool.title} built: ${path}`,
    run: (note) => build(tool, target, { ...options, note }),
  });
}

function cachedPath(tool: GoTool, env: NodeJS.ProcessEnv): string {
  return join(cacheDirectory(env), 'tools', `${tool.name}-${tool.version}`, tool.name);
}

/** Builds aside and moves into place, so that a broken build is never taken for a tool. */
async function build(
  tool: GoTool,
  target: string,
  options: StackOptions & { readonly note: Note },
): Promise<string> {
  const go = await findProgram('go', options.env);
  if (!go) {
    throw new SetupFailed(
      `${tool.title} is missing`,
      `there is no usable \`${tool.name}\` on PATH and no Go to build it with`,
      tool.otherwise,
    );
  }
  const tools = join(target, '..', '..');
  await mkdir(tools, { recursive: true });
  const aside = await mkdtemp(join(tools, `.${tool.name}-`));
  try {
    await runCommand([go, 'install', `${tool.module}@${tool.version}`], {
      env: { ...options.env, GOBIN: aside, GO111MODULE: 'on', GOFLAGS: '', PATH: widePath(options.env) },
      cwd: aside,
      signal: options.signal,
      note: options.note,
    });
    await mkdir(join(target, '..'), { recursive: true });
    await rename(join(aside, tool.name), target);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new SetupFailed(`${tool.title} could not be built`, error.message, tool.otherwise, {
      cause: error,
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return target;
}
