import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Header, Pack } from 'tar-stream';

/** Has the engine extract a tar at a path of a container, while `fill` makes it. What breaks there is what is thrown. */
export async function sendTar(
  container: Docker.Container,
  path: string,
  options: {
    readonly out: Pack | Readable;
    readonly fill: () => Promise<void>;
    readonly signal: AbortSignal;
    readonly query?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { out, fill, signal, query } = options;
  let sourceError: unknown;
  const filled = fill().catch((error: unknown) => {
    sourceError ??= error;
    out.destroy();
  });
  try {
    const file = Readable.from(out, { objectMode: false });
    await container.putArchive(file, { path, ...query, abortSignal: signal });
    await filled;
  } catch (error) {
    out.destroy();
    await filled;
    // When the source broke, the request broke with it: the source's error is the one to tell.
    throw sourceError !== undefined && !isOwnDestroy(sourceError) ? sourceError : error;
  }
  if (sourceError !== undefined) throw sourceError;
}

/** Ends when the entry, with its bytes if it has any, has left for the engine. */
export function addEntry(
  out: Pack,
  header: Partial<Header> & Pick<Header, 'name'>,
  bytes?: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (bytes === undefined) out.entry(header, done);
    else out.entry(header, bytes, done);
  });
}

/** What a stream says that was given up because its request broke. */
const GIVEN_UP_CODES = ['ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'];
/** The same of an archive, which has no code for it. */
const GIVEN_UP = /^(tar entry destroyed|pack stream destroyed|already finalized or destroyed)$/;

function isOwnDestroy(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && GIVEN_UP_CODES.includes(String(error.code))) || GIVEN_UP.test(error.message);
}
