import type { Argv } from 'yargs';
import type { Session } from './session.ts';
import { optionsOf, usageMistake } from './usage-mistake.ts';

/** One verb of the command line. Heavy modules are imported inside `run`, so that `--help` and completion stay quick. */
export interface VerbDefinition<Args> {
  /** Name and positional arguments as yargs writes them, for example `push [repo]`. */
  readonly command: string;
  readonly describe: string;
  readonly options: (cli: Argv) => Argv<Args>;
  /**
   * It has nothing of its own to put away: soon after Ctrl-C it ends, whatever it waits for, and at once when nobody reads what it
   * prints. Default: it hears the signal itself, and takes the time that it needs.
   */
  readonly endsAtOnce?: boolean;
  readonly run: (args: Args, session: Session) => Promise<number>;
}

/** Runs what a verb does, in a session made for these arguments. */
export type Perform = (
  args: Readonly<Record<string, unknown>>,
  run: (session: Session) => Promise<number>,
  options: { readonly endsAtOnce: boolean },
) => Promise<void>;

/** Adds a verb to a command line, or to a group of verbs. */
export type RegisterVerb = (cli: Argv, perform: Perform, group?: string) => Argv;

/** Makes a verb that can be added to the command line, whatever its arguments are. */
export function defineVerb<Args>(definition: VerbDefinition<Args>): RegisterVerb {
  const { command, describe, options, endsAtOnce = false, run } = definition;
  return (cli, perform, group) =>
    cli.command(
      command,
      describe,
      (inner) =>
        options(inner).fail((message, error) => {
          const written = group === undefined ? command : `${group} ${command}`;
          throw usageMistake(message, error, { written, options: optionsOf(inner) });
        }),
      // Its type has camel-case twins, which our parser does not make.
      (args) => perform(args, (session) => run(args as Args, session), { endsAtOnce }),
    );
}

/** A verb that is only the first word of others, as `image` of `image hash`. */
export function defineGroup(name: string, describe: string, verbs: readonly RegisterVerb[]): RegisterVerb {
  return (cli, perform) =>
    cli.command(name, describe, (inner) => {
      for (const register of verbs) register(inner, perform, name);
      return inner.demandCommand(1, `Say what to do: slipway ${name} --help lists it`);
    });
}
