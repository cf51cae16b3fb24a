import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Engine } from '../../docker/engine.ts';
import { findLeftOut } from '../../docker/tarball/left-out.ts';
import { importImageTar } from '../../docker/transport/import-tar.ts';
import { LayerAbsent } from '../../docker/transport/read-archive.ts';
import { isSlipwayError } from '../../model/errors.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { DirectoryBlobs } from '../../store/directory-blobs.ts';
import { ownReference } from '../../model/engine-names.ts';
import { withLocalEngine } from './local-engine.ts';
import type { LoadedHere } from './load-into.ts';
import { loadInto } from './load-into.ts';
import { loadPartialTar } from './load-partial-tar.ts';
import { saveFile } from './save-file.ts';
import type { Session } from './session.ts';
import { showBytes, showTransfer } from './show-transfer.ts';
import { UsageError } from './usage-error.ts';

export interface LoadTarballOptions {
  /** Of a tarball that has several. */
  readonly image?: string | undefined;
  readonly tag?: string | undefined;
  /** Of a tarball that has it for several; default: the engine's. */
  readonly platform?: string | undefined;
}

/**
 * Loads a tarball as if its image lay in the store: it is taken apart on this machine's disk for the time, and the engine
 * fetches what it lacks. One that leaves out layers goes to the engine as it is. Needs no server.
 * @throws {UsageError} when nothing is piped in. @throws {ImageTarRefused} {ImageUnavailable}
 */
export async function loadTarball(
  what: string,
  options: LoadTarballOptions,
  session: Session,
): Promise<LoadedHere> {
  if (what === '-' && process.stdin.isTTY)
    throw new UsageError('- is what is piped in, and nothing is: slipway image load - < image.tar');
  const directory = await mkdtemp(join(tmpdir(), 'slipway-load-'));
  try {
    const name = options.image ?? (what === '-' ? 'stdin' : basename(what));
    const path = what === '-' ? await spool(join(directory, 'image.tar'), session) : what;
    const blobs = new DirectoryBlobs(directory);
    const { tag, platform } = options;
    const loaded = await withLocalEngine(session, blobs, async (engine) => {
      const stored = await takeApart(blobs, path, { ...options, engine }, session);
      if (!stored) return undefined;
      const ownTag = stored.configDigest.slice('sha256:'.length);
      return loadInto(engine, { name, stored, tag: ownTag, tarName: ownReference(ownTag) }, { tag, session });
    });
    return loaded ?? (await loadPartialTar(path, { name, directory, tag, platform }, session));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function spool(path: string, { terminal, signal }: Session): Promise<string> {
  await saveFile(process.stdin, path, { onBytes: showBytes(terminal, 'stdin'), signal });
  return path;
}

/** Undefined when it lacks layers that it names. */
async function takeApart(
  blobs: DirectoryBlobs,
  path: string,
  { image: name, platform, engine }: LoadTarballOptions & { readonly engine: Engine },
  { terminal, signal }: Session,
): Promise<StoredImage | undefined> {
  const wanted = platform ?? (await engine.info()).platform;
  const isPlatformAsked = platform !== undefined;
  const onProgress = showTransfer(terminal);
  try {
    const options = { signal, onProgress, name, platform: wanted, isPlatformAsked };
    return (await importImageTar(blobs, createReadStream(path), options)).stored;
  } catch (error) {
    // Whatever else is wrong with it would be wrong for the engine too, which says less about it.
    if (!isSlipwayError(error) || !(error.cause instanceof LayerAbsent)) throw error;
    if (await findLeftOut(createReadStream(path), signal)) return undefined;
    throw error;
  }
}
