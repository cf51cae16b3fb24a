import { PassThrough } from 'node:stream';
import { createTerminal } from '../../client/cli/terminal.ts';
import type { Terminal } from '../../client/cli/terminal.ts';

export interface CapturedStreams {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
  stdout(): string;
  stderr(): string;
}

/** Two streams whose text a test can read. */
export function captureStreams(options: { readonly tty?: boolean } = {}): CapturedStreams {
  const stream = (): PassThrough => Object.assign(new PassThrough(), { isTTY: options.tty ?? false });
  const [out, err] = [stream(), stream()];
  return { out, err, stdout: textOf(out), stderr: textOf(err) };
}

/** A terminal whose words a test can read. */
export function captureTerminal(
  options: { readonly quiet?: boolean; readonly tty?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): Pick<CapturedStreams, 'stdout' | 'stderr'> & { readonly terminal: Terminal } {
  const { out, err, stdout, stderr } = captureStreams(options);
  const { env = {}, quiet = false } = options;
  return { terminal: createTerminal({ stdout: out, stderr: err, env, quiet }), stdout, stderr };
}

function textOf(stream: PassThrough): () => string {
  let text = '';
  return () => {
    text += ((stream.read() as Buffer | null) ?? Buffer.alloc(0)).toString('utf8');
    return text;
  };
}
