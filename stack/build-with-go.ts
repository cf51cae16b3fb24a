import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailed } from '../model/errors.ts';
import { findProgram, widePath } from './find-program.ts';
import type { Note } from './report-step.ts';
import { CommandFailed, runCommand } from './run-command.ts';
import type { StackOptions } from './stack-options.ts';
import type { Tool } from './tool.ts';

/** Makes a program with Go somewhere below a directory and gives its path. @throws {SetupFailed} */
export async function buildWithGo(
  tool: Pick<Tool, 'name' | 'title' | 'module' | 'version' | 'otherwise'> & { readonly goFlags?: string },
  directory: string,
  options: StackOptions & { readonly note: Note },
): Promise<string> {
  const go = await findProgram('go', options.env);
  if (!go) {
    throw new SetupFailed(
      `${tool.title} is missing`,
      `there is no usable \`${tool.name}\` on PATH, none could be downloaded, and there is no Go to build it with`,
      tool.otherwise,
    );
  }
  const built = join(directory, 'built');
  await mkdir(built, { recursive: true });
  try {
    await runCommand([go, 'install', `${tool.module}@${tool.version}`], {
      env: {
        ...options.env,
        GOBIN: built,
        GO111MODULE: 'on',
        GOFLAGS: tool.goFlags ?? '',
        PATH: widePath(options.env),
      },
      cwd: built,
      signal: options.signal,
      note: options.note,
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new SetupFailed(`${tool.title} could not be built`, error.message, tool.otherwise, {
      cause: error,
    });
  }
  return join(built, tool.name);
}
