import { EXIT } from './exit-codes.ts';
import { catchInterruption } from './interruption.ts';
import { runCommandLine } from './command-line.ts';

/** Carries out the command line of a process and ends it with the exit code. */
export async function runProcess({ stdout, stderr, env, argv }: NodeJS.Process): Promise<void> {
  // A reader that has seen enough (`slipway logs unit | head`) is no trouble of ours.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.good : EXIT.infrastructure);
  });
  const interruption = catchInterruption(process);
  const code = await runCommandLine(argv.slice(2), { stdout, stderr, env, interruption });
  // What is printed reaches a pipe before the process ends; a connection that lingers does not keep it.
  await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  process.exit(code);
}
