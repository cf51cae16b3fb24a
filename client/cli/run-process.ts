import { EXIT } from './exit-codes.ts';
import { catchInterruption } from './interruption.ts';
import { runCommandLine } from './command-line.ts';

/** Carries out the command line of a process and ends it with the exit code. */
export async function runProcess(source: NodeJS.Process): Promise<void> {
  const { stdout, stderr, env, argv } = source;
  const interruption = catchInterruption(source);
  let endsAtOnce = false;
  let isLost = false;
  stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`slipway logs unit | head`) is no trouble of ours.
    isLost ||= code !== 'EPIPE';
    if (endsAtOnce) source.exit(isLost ? EXIT.infrastructure : EXIT.good);
    interruption.abort('Nobody reads what is printed');
  });
  // Words aside that nobody reads are dropped: what is to be put away is put away all the same.
  stderr.on('error', () => undefined);
  const code = await runCommandLine(argv.slice(2), {
    stdout,
    stderr,
    env,
    interruption,
    onVerb: (verb) => {
      ({ endsAtOnce } = verb);
    },
  });
  // What is printed reaches a pipe before the process ends; a connection that lingers does not keep it.
  await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  source.exit(isLost ? EXIT.infrastructure : code);
}
