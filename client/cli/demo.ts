import { parseArgs } from 'node:util';
import { demoStateDirectory } from './demo/demo-config.ts';
import { runDemo } from './demo/run-demo.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { catchInterruption } from './interruption.ts';
import { reportError } from './report-error.ts';
import { createTerminal } from './terminal.ts';

const USAGE = `npm run demo [-- --once]

Sets up Slipway on this machine and plays its main story on a real repository: a push builds the images that it needs,
an edited Dockerfile is built and tried out, an unrelated change builds nothing. Everything it says is checked.

  --once   end after the story instead of leaving the stack running

Its state lies in SLIPWAY_HOME, else in .slipway of this checkout.`;

process.exit(await demo());

async function demo(): Promise<ExitCode> {
  const { env, stdout, stderr } = process;
  const terminal = createTerminal({ stdout, stderr, env, quiet: false });
  const { signal, abort } = catchInterruption(process);
  stdout.on('error', () => abort('Nobody reads what is told'));
  // Ctrl-C ends the reader of a pipe too: what is said then is dropped, and the stack is stopped all the same.
  stderr.on('error', () => undefined);
  try {
    const { values } = parseArgs({
      options: { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      terminal.print(USAGE);
      return EXIT.good;
    }
    const stateDirectory = demoStateDirectory(env);
    await runDemo({ stateDirectory, once: values.once ?? false, terminal, env, signal });
    return EXIT.good;
  } catch (error) {
    terminal.status('');
    if (signal.aborted) return EXIT.interrupted;
    if (!(error instanceof Error)) return reportError(error, terminal);
    if (error.name === 'ClaimFailed') {
      terminal.error(error.message);
      return EXIT.unsuccessful;
    }
    if ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
      terminal.error(`${error.message}\n\n${USAGE}`);
      return EXIT.usage;
    }
    return reportError(error, terminal);
  }
}
