import type { Pack } from 'tar-stream';

type Entry = ReturnType<Pack['entry']>;

/** Everything that could differ between two tars of the same bytes. */
const FIXED = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) } as const;

/** Adds a small file. */
export function addBuffer(pack: Pack, name: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry({ ...FIXED, name, size: bytes.length }, bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Adds a file of a known size from a stream. Rejects when the sizes differ or the tar is given up. */
export async function addStream(
  pack: Pack,
  name: string,
  { body, sizeBytes }: { readonly body: AsyncIterable<Buffer>; readonly sizeBytes: number },
): Promise<void> {
  let finish: (error?: Error | null) => void = () => undefined;
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  finished.catch(() => undefined);
  const entry = pack.entry({ ...FIXED, name, size: sizeBytes }, (error) => finish(error));
  entry.on('error', () => undefined);
  let isClosed = false;
  entry.once('close', () => (isClosed = true));
  for await (const chunk of body) {
    if (isClosed) throw new Error('the tar was given up');
    if (!entry.write(chunk)) await drained(entry);
  }
  entry.end(undefined);
  await finished;
}

function drained(entry: Entry): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      entry.removeListener('drain', done);
      entry.removeListener('close', done);
      resolve();
    };
    entry.once('drain', done);
    entry.once('close', done);
  });
}
