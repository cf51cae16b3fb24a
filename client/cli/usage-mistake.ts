import type { Argv } from 'yargs';
import { Nearest } from '../../model/nearest.ts';
import { UsageError } from './usage-error.ts';

/** A verb that was found before something was wrong. */
export interface MistakenVerb {
  /** As it is typed, with its positional arguments: `image load <what>`. */
  readonly written: string;
  /** Its own options and those of every verb. */
  readonly options: readonly string[];
}

const LACKS = /^Not enough non-option arguments: got (\d+)/;
const UNKNOWN = /^Unknown arguments?: (.+)$/;

/** What yargs has to say is about the use of a verb, and says less than we know; an error that a verb threw stays what it is. */
export function usageMistake(message: string | null, error: Error | undefined, verb?: MistakenVerb): Error {
  if (error && error.name !== 'YError') return error;
  const said = message ?? error?.message ?? 'The command line cannot be read';
  return new UsageError((verb && explain(said, verb)) ?? said);
}

function explain(said: string, { written, options }: MistakenVerb): string | undefined {
  const [, got] = LACKS.exec(said) ?? [];
  if (got !== undefined) {
    const missing = (written.match(/<[^>]+>/g) ?? []).slice(Number(got));
    return `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing: slipway ${written}; --help tells what belongs there`;
  }
  const [, unknown] = UNKNOWN.exec(said) ?? [];
  if (unknown === undefined) return undefined;
  const nearest = new Nearest();
  const meant = unknown.split(', ').map((name) => nearest.find(name, new Set(options)));
  const hints = [...new Set(meant)].filter((name) => name !== undefined).map((name) => `--${name}`);
  return hints.length > 0 ? `${said}; did you mean ${hints.join(' and ')}?` : undefined;
}

/** The options that a verb knows by now, by their long names. */
export function optionsOf(cli: Argv): readonly string[] {
  // It is no part of the types.
  const { key } = (cli as Argv & { getOptions(): { readonly key: object } }).getOptions();
  return Object.keys(key).filter((name) => name.length > 1);
}

/** @throws {UsageError} where an option that is on or off has been given a value, which yargs takes for off. */
export function expectBooleans(
  args: readonly string[],
  { boolean }: { readonly boolean: readonly string[] },
): true {
  const end = args.indexOf('--');
  for (const arg of end === -1 ? args : args.slice(0, end)) {
    const [, name, value] = /^--?([^=]+)=(.*)$/s.exec(arg) ?? [];
    if (name === undefined || !boolean.includes(name) || value === 'true' || value === 'false') continue;
    throw new UsageError(`--${name} takes no value, and "${arg}" gives it one`);
  }
  return true;
}
