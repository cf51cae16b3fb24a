import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { importImageTar } from '../../docker/transport/import-tar.ts';
import { DirectoryBlobs } from '../../store/directory-blobs.ts';
import { withLocalEngine } from './local-engine.ts';
import type { LoadedHere } from './load-into.ts';
import { loadInto } from './load-into.ts';
import type { Session } from './session.ts';
import { showTransfer } from './show-transfer.ts';
import { UsageError } from './usage-error.ts';

/**
 * Loads a tarball as if its image lay in the store: it is taken apart on this machine's disk for the time, and the engine
 * fetches what it lacks. Needs no server. @throws {UsageError} when nothing is piped in.
 */
export async function loadTarball(
  path: string,
  { image, tag }: { readonly image?: string | undefined; readonly tag?: string | undefined },
  session: Session,
): Promise<LoadedHere> {
  const { terminal, signal } = session;
  if (path === '-' && process.stdin.isTTY)
    throw new UsageError('- is what is piped in, and nothing is: slipway image load - < image.tar');
  const directory = await mkdtemp(join(tmpdir(), 'slipway-load-'));
  try {
    const blobs = new DirectoryBlobs(directory);
    const body: Readable = path === '-' ? process.stdin : createReadStream(path);
    const { stored } = await importImageTar(blobs, body, {
      signal,
      onProgress: showTransfer(terminal),
      ...(image === undefined ? {} : { name: image }),
    });
    const own = stored.configDigest.slice('sha256:'.length);
    const found = { stored, tag: own, name: image ?? (path === '-' ? 'stdin' : basename(path)) };
    return await withLocalEngine(session, blobs, (engine) =>
      loadInto(engine, { ...found, tarName: `slipway.invalid/image:${own}` }, { tag, session }),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
