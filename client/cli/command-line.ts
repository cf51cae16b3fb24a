import type { Argv } from 'yargs';
import yargs from 'yargs';
import { EXIT } from './exit-codes.ts';
import type { Interruption } from './interruption.ts';
import { untilInterrupted } from './interruption.ts';
import { reportError } from './report-error.ts';
import { createTerminal } from './terminal.ts';
import { expectBooleans, expectVerb, usageMistake, verbsOf } from './usage-mistake.ts';
import type { Perform } from './verb.ts';
import { VERBS } from './verbs/index.ts';

export interface CommandLineOptions {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
  readonly interruption: Interruption;
  /** Told of the verb that is carried out, before it begins. */
  readonly onVerb?: (verb: { readonly endsAtOnce: boolean }) => void;
}

/** Carries out one command line and gives its exit code; never throws. */
export async function runCommandLine(args: readonly string[], options: CommandLineOptions): Promise<number> {
  const { signal } = options.interruption;
  let code: number = EXIT.good;
  const perform: Perform = async (parsed, run, { endsAtOnce }) => {
    options.onVerb?.({ endsAtOnce });
    const terminal = createTerminal({ ...options, quiet: parsed.quiet === true });
    const running = run({ terminal, env: options.env, signal });
    code = await (endsAtOnce ? untilInterrupted(running, signal) : running);
  };
  const terminal = createTerminal({ ...options, quiet: false });
  try {
    await createCommandLine(args, perform).parseAsync();
    return code;
  } catch (error) {
    terminal.status('');
    if (signal.aborted) return EXIT.interrupted;
    return reportError(error, terminal);
  }
}

/** All verbs and options, not yet carried out. */
export function createCommandLine(typed: readonly string[], perform: Perform): Argv {
  // As in git, where the verb stands behind it; yargs knows `help` as the last word only.
  const args = typed[0] === 'help' ? [...typed.slice(1), '--help'] : typed;
  const cli: Argv = yargs([...args])
    .scriptName('slipway')
    .usage('$0 <verb>\n\nCI images built on push from the tree itself, tasks run in them, no registry.')
    // The words of the parts that yargs writes itself do not change with the machine's locale.
    .locale('en')
    .strict()
    .demandCommand(1, 'Say what to do: slipway --help lists the verbs')
    .parserConfiguration({ 'parse-positional-numbers': false, 'camel-case-expansion': false })
    .option('quiet', {
      type: 'boolean',
      alias: 'q',
      default: false,
      describe: 'Only the answer, no words aside',
    })
    .help()
    .alias('help', 'h')
    .epilogue(
      [
        'State lies in SLIPWAY_HOME, else in .slipway of the working directory; where no stack runs there, that of a directory above answers, else the one of this checkout.',
        'Exit codes: 0 good, 1 a task or push did not succeed, 2 usage or invalid input, 3 infrastructure, 130 interrupted.',
      ].join('\n'),
    )
    .check(
      (_parsed, options: unknown) => expectBooleans(args, options as { boolean: readonly string[] }),
      true,
    )
    .fail((message, error) => {
      throw usageMistake(message, error, { args, ...verbsOf(cli) });
    })
    .exitProcess(false);
  for (const register of VERBS) register(cli, perform);
  cli.completion('completion', 'Print a script that completes verbs and options in bash or zsh');
  const words = args.filter((arg) => arg !== 'help');
  if (words.includes('--help') || words.includes('-h')) expectVerb(cli, words);
  return cli;
}
