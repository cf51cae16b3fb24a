import { execFile } from 'node:child_process';

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with this environment and no other; -1 when it did not end by itself or could not be started. */
export function runProgram(
  command: readonly [string, ...string[]],
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly input?: string;
    readonly timeoutMs?: number;
  },
): Promise<ProgramResult> {
  const [program, ...args] = command;
  const { cwd, env, timeoutMs: timeout, input = '' } = options;
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { cwd, env, timeout, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const exitCode = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ exitCode, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}
