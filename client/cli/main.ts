import { EXIT } from './exit-codes.ts';
import { catchInterruption } from './interruption.ts';
import { runCommandLine } from './command-line.ts';

// A reader that has seen enough (`slipway logs unit | head`) is no trouble of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.good : EXIT.infrastructure);
});

const interruption = catchInterruption(process);
const code = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  interruption,
});
// What is printed reaches a pipe before the process ends; a connection that lingers does not keep it.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
process.exit(code);
