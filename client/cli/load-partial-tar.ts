import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Engine } from '../../docker/engine.ts';
import type { PartialTar } from '../../docker/tarball/left-out.ts';
import { findLeftOut, unpacked } from '../../docker/tarball/left-out.ts';
import { expectPlatform } from '../../docker/transport/config-platform.ts';
import { ImageTarRefused, ImageUnavailable, isSlipwayError } from '../../model/errors.ts';
import { EngineAccess } from '../../stack/engine-access.ts';
import { emptyStore } from '../../store/empty-store.ts';
import { withLocalEngine } from './local-engine.ts';
import type { LoadedHere } from './load-into.ts';
import { count, formatBytes } from './render/quantities.ts';
import type { Session } from './session.ts';

export interface PartialTarOptions {
  readonly name: string;
  /** For the plain bytes of a compressed one. */
  readonly directory: string;
  readonly tag?: string | undefined;
  /** The only one that it may be for. */
  readonly platform?: string | undefined;
}

/**
 * Gives a tarball that leaves out layers to the engine, which alone knows whether it has them.
 * @throws {ImageUnavailable} when it has not: what must be loaded before.
 */
export async function loadPartialTar(
  path: string,
  options: PartialTarOptions,
  session: Session,
): Promise<LoadedHere> {
  const { signal } = session;
  const partial = await findLeftOut(createReadStream(path), signal);
  if (!partial) throw new ImageTarRefused('it leaves out no layer');
  if (options.platform !== undefined) refuseOther(partial, options.platform);
  const plain = join(options.directory, 'plain.tar');
  const sent = createWriteStream(plain);
  await pipeline(await unpacked(createReadStream(path)), sent, { signal });
  return withLocalEngine(session, emptyStore().blobs, async (engine) => {
    const engineImageId = await give(engine, plain, { partial, name: options.name, signal });
    const { terminal } = session;
    if (options.tag !== undefined) await engine.images.tag(engineImageId, options.tag);
    const bytesLoaded = sent.bytesWritten;
    const there = `${count(partial.leftOut.length, 'layer')} was there already`.replace(
      'layers was',
      'layers were',
    );
    terminal.note(`${options.name}: ${formatBytes(bytesLoaded)} loaded, ${there} (${engine.address})`);
    return {
      name: options.name,
      reference: options.tag ?? partial.names[0] ?? engineImageId,
      configDigest: partial.configDigest,
      engineImageId,
      bytesLoaded,
      way: 'tar',
    };
  });
}

/** @throws {ImageTarRefused} */
function refuseOther({ config }: PartialTar, platform: string): void {
  try {
    expectPlatform(config, platform);
  } catch (error) {
    throw new ImageTarRefused((error as Error).message, { cause: error });
  }
}

async function give(
  engine: Engine,
  path: string,
  {
    partial,
    name,
    signal,
  }: { readonly partial: PartialTar; readonly name: string; readonly signal: AbortSignal },
): Promise<string> {
  const { names, configDigest, leftOut } = partial;
  const reference = names[0] ?? configDigest;
  const before = await engine.images.find(reference);
  const lacks = (cause?: unknown): ImageUnavailable =>
    new ImageUnavailable(
      name,
      `it leaves out ${count(leftOut.length, 'layer')} that this engine (${engine.address}) lacks. Load first the image that it was exported --since, or export it whole`,
      { cause },
    );
  // Some engines keep the name of what they could not unpack, or have taken without all of its layers.
  const forget = async (): Promise<void> => {
    if (before === undefined) for (const left of names) await engine.images.remove(left);
  };
  try {
    await new EngineAccess(engine.address).loadImage(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isSlipwayError(error) || error.type !== 'EngineRequestFailed') throw error;
    await forget();
    throw lacks(error);
  }
  const loaded = await engine.images.findUsable(reference);
  if (loaded !== undefined) return loaded;
  await forget();
  throw lacks();
}
