import { spawn } from 'node:child_process';
import type { Note } from './report-step.ts';

/** Thrown when a program could not be started or ended with another code than 0. */
export class CommandFailed extends Error {
  readonly exitCode: number | null;
  /** The last lines that it wrote, for people. */
  readonly lastLines: string;
  constructor(
    command: readonly string[],
    exitCode: number | null,
    lastLines: string,
    options?: ErrorOptions,
  ) {
    super(
      `\`${command.join(' ')}\` ended with ${exitCode ?? 'a signal'}${lastLines ? `: ${lastLines}` : ''}`,
      options,
    );
    this.name = 'CommandFailed';
    this.exitCode = exitCode;
    this.lastLines = lastLines;
  }
}

export interface CommandOptions {
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with a line of output now and then, so that people see that something happens. */
  readonly note?: Note;
}

const KEPT_LINES = 8;
const NOTE_EVERY_MS = 10_000;
const KEPT_BYTES = 1_000_000;

/** Runs a program to its end and gives what it wrote to stdout. @throws {CommandFailed} */
export function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<string> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let all = '';
    let noted = Date.now();
    const keep = (chunk: string): void => {
      all = (all + chunk).slice(-KEPT_BYTES);
      if (!options.note || Date.now() - noted < NOTE_EVERY_MS) return;
      noted = Date.now();
      options.note(lastLines(all, 1));
    };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout = (stdout + chunk).slice(-KEPT_BYTES);
      keep(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) =>
      reject(
        error.name === 'AbortError'
          ? error
          : new CommandFailed(command, null, error.message, { cause: error }),
      ),
    );
    child.once('close', (exitCode) => {
      if (exitCode === 0) resolve(stdout);
      else reject(new CommandFailed(command, exitCode, lastLines(all, KEPT_LINES)));
    });
  });
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n').trim();
}
