import type { Argv } from 'yargs';
import yargs from 'yargs';
import { Nearest } from '../../model/nearest.ts';
import { quoteWord } from '../quote-word.ts';
import { UsageError } from './usage-error.ts';

/** A verb that was found before something was wrong. */
export interface MistakenVerb {
  /** As it is typed, with its positional arguments: `image load <what>`. */
  readonly written: string;
  /** Its own options and those of every verb. */
  readonly options: readonly string[];
}

/** A place in the command line where a verb was looked for and none was found. */
export interface MissingVerb {
  /** All that was typed. */
  readonly args: readonly string[];
  /** The words that were found before it: none, or `image`. */
  readonly group: readonly string[];
  /** Those that there are. */
  readonly verbs: readonly string[];
}

const LACKS = /^Not enough non-option arguments: got (\d+)/;
const UNKNOWN = /^Unknown arguments?: (.+)$/;

/** What yargs has to say is about the use of a verb, and says less than we know; an error that a verb threw stays what it is. */
export function usageMistake(
  message: string | null,
  error: Error | undefined,
  where: MistakenVerb | MissingVerb,
): Error {
  if (error && error.name !== 'YError') return error;
  const said = message ?? error?.message ?? 'The command line cannot be read';
  return new UsageError(('written' in where ? explain(said, where) : explainMissing(said, where)) ?? said);
}

function explainMissing(said: string, { args, group, verbs }: MissingVerb): string | undefined {
  const here = ['slipway', ...group].join(' ');
  const typed = args.filter((arg) => !group.includes(arg));
  const behind = verbBehindOption(typed, verbs);
  if (behind !== undefined) {
    const inOrder = [...typed.slice(behind), ...typed.slice(0, behind)].map(quoteWord);
    return `options stand behind the verb: ${here} ${inOrder.join(' ')}`;
  }
  const [, unknown = ''] = UNKNOWN.exec(said) ?? [];
  const word = typed.find((arg) => unknown.split(', ').includes(arg));
  return word === undefined ? undefined : explainUnknown(word, { group, verbs });
}

function explainUnknown(word: string, { group, verbs }: Omit<MissingVerb, 'args'>): string {
  const nearest = new Nearest().find(word, new Set(verbs));
  const named = (verb: string): string => [...group, verb].join(' ');
  const here = ['slipway', ...group].join(' ');
  const hint = nearest === undefined ? `${here} --help lists them` : `did you mean ${named(nearest)}?`;
  return `There is no verb "${named(word)}": ${hint}`;
}

/** Which word is a verb that yargs takes for the value of an option before it, which it does not know yet. */
function verbBehindOption(typed: readonly string[], verbs: readonly string[]): number | undefined {
  if (!typed[0]?.startsWith('-')) return undefined;
  const at = typed.findIndex((arg, i) => verbs.includes(arg) && /^-[^=]+$/.test(typed[i - 1] ?? ''));
  return at < 0 ? undefined : at;
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

/**
 * Expects words to be a verb that there is: whoever asks for help is shown by yargs what belongs to the words that it knows, whatever
 * stands behind them. Other words and options may follow. @throws {UsageError}
 */
export function expectVerb(cli: Argv, words: readonly string[], group: readonly string[] = []): void {
  const [word, ...others] = words;
  const handlers = (cli as Argv & YargsInside).getInternalMethods().getCommandInstance().getCommandHandlers();
  const verbs = Object.keys(handlers);
  if (word === undefined || word.startsWith('-') || verbs.length === 0) return;
  const verb = Object.hasOwn(handlers, word) ? handlers[word] : undefined;
  if (!verb) throw new UsageError(explainUnknown(word, { group, verbs }));
  const inner = yargs();
  if (typeof verb.builder === 'function') verb.builder(inner);
  expectVerb(inner, others, [...group, word]);
}

/** Where a command line stands while it is read: the group that was found, and the verbs of that. */
export function verbsOf(cli: Argv): Pick<MissingVerb, 'group' | 'verbs'> {
  // They are no part of the types.
  const { getContext, getCommandInstance } = (cli as Argv & YargsInside).getInternalMethods();
  return { group: [...getContext().commands], verbs: getCommandInstance().getCommands() };
}

interface YargsInside {
  getInternalMethods(): {
    getContext(): { readonly commands: readonly string[] };
    getCommandInstance(): {
      getCommands(): readonly string[];
      getCommandHandlers(): Readonly<Record<string, { readonly builder: unknown }>>;
    };
  };
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
