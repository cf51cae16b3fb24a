import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Where a verb speaks: its answer on stdout, everything else on stderr. */
export interface Terminal {
  /** A line of the answer. */
  print(text: string): void;
  /** Bytes of the answer, as they are; resolves when whoever reads is ready for more, or has gone: what nobody reads is dropped. */
  write(bytes: Buffer): Promise<void>;
  /** A word aside, on stderr; silent when quiet. */
  note(text: string): void;
  /** What went wrong, on stderr. */
  error(text: string): void;
  /** The line at the bottom that says what goes on: shown only where a person looks at stderr, replaced by the next one, removed by ''. */
  status(text: string): void;
  /** Text in a style where stdout shows it and NO_COLOR does not forbid it. */
  paint(style: Style, text: string): string;
  readonly isQuiet: boolean;
  readonly isVerbose: boolean;
  /** Whether a person looks at stderr. */
  readonly isInteractive: boolean;
  /** Whether stdout is a terminal, which bytes that are no text would upset. */
  readonly printsToTerminal: boolean;
}

export interface TerminalOptions {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: NodeJS.ProcessEnv;
  readonly quiet: boolean;
}

const CLEAR_LINE = '\r\u001b[K';

/** The terminal of this process, or of a test. */
export function createTerminal({ stdout, stderr, env, quiet }: TerminalOptions): Terminal {
  const isInteractive = isTty(stderr) && !quiet && env.TERM !== 'dumb';
  const hasColour = isTty(stdout) && !env.NO_COLOR && env.TERM !== 'dumb';
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  return {
    print: (text) => {
      clear();
      stdout.write(`${text}\n`);
    },
    write: (bytes) => {
      clear();
      // The error is an event of the stream too, which ends the verb.
      return new Promise((resolve) => void stdout.write(bytes, () => resolve()));
    },
    note: (text) => {
      if (quiet) return;
      clear();
      stderr.write(`${text}\n`);
    },
    error: (text) => {
      clear();
      stderr.write(`${text}\n`);
    },
    status: (text) => {
      if (!isInteractive) return;
      clear();
      if (text === '') return;
      // A line that wraps could not be removed again.
      stderr.write(text.slice(0, Math.max(20, ((stderr as WriteStream).columns ?? 80) - 1)));
      shown = true;
    },
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    isQuiet: quiet,
    isVerbose: Boolean(env.SLIPWAY_DEBUG),
    isInteractive,
    printsToTerminal: isTty(stdout),
  };
}

function isTty(stream: NodeJS.WritableStream): boolean {
  return (stream as Partial<WriteStream>).isTTY === true;
}
