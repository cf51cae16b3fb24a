import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { z } from 'zod';
import type { Digest } from '../../model/pure/ids.ts';
import { digestOf } from '../endpoint/closure.ts';
import { compressionOf, createUnpacker, MAGIC_BYTES } from '../transport/compression.ts';
import { peek } from '../transport/peek.ts';
import { parseDiffIds } from '../transport/stored-image.ts';

/** An image tar that names layers which it does not hold, for engines that have them. */
export interface PartialTar {
  readonly names: readonly string[];
  readonly config: Buffer;
  readonly configDigest: Digest;
  /** Layers that are not in it, by what they unpack to. */
  readonly leftOut: readonly Digest[];
}

/** Larger ones are layers. */
const DOCUMENT_MAX_BYTES = 1024 * 1024;
const DOCUMENTS_MAX_BYTES = 64 * 1024 * 1024;

const manifestSchema = z
  .array(
    z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()) }),
  )
  .length(1);

/** The plain bytes of a tarball, whatever it is compressed with. @throws {TypeError} when nobody here unpacks it. */
export async function unpacked(body: Readable): Promise<Readable> {
  const { start, whole } = await peek(body, MAGIC_BYTES);
  const compression = compressionOf(start);
  const bytes = Readable.from(whole, { objectMode: false });
  if (compression === 'none') return bytes;
  const unpacker = createUnpacker(compression);
  pipeline(bytes, unpacker).catch((error: unknown) => unpacker.destroy(error as Error));
  return unpacker;
}

/** What an image tar of one image leaves out; undefined when that is nothing, or it is no such tar, or cannot be read. */
export async function findLeftOut(body: Readable, signal: AbortSignal): Promise<PartialTar | undefined> {
  try {
    return await read(body, signal);
  } catch {
    signal.throwIfAborted();
    // Whoever takes it apart says better what is wrong with it.
    return undefined;
  } finally {
    body.destroy();
  }
}

async function read(body: Readable, signal: AbortSignal): Promise<PartialTar | undefined> {
  const paths = new Set<string>();
  const documents = new Map<string, Buffer>();
  let documentBytes = 0;
  const parser = extract();
  const parsed = pipeline(await unpacked(body), parser, { signal });
  parsed.catch((error: unknown) => parser.destroy(error as Error));
  for await (const entry of parser) {
    const { name, size = 0 } = entry.header;
    paths.add(name);
    documentBytes += size > DOCUMENT_MAX_BYTES ? 0 : size;
    if (size > DOCUMENT_MAX_BYTES || documentBytes > DOCUMENTS_MAX_BYTES) entry.resume();
    else documents.set(name, await buffer(entry));
  }
  const [image] = manifestSchema.parse(JSON.parse(String(documents.get('manifest.json') ?? 'null')));
  const config = documents.get(image?.Config ?? '');
  if (!image || !config) return undefined;
  const diffIds = parseDiffIds(config);
  const leftOut = diffIds.filter((_, at) => !paths.has(image.Layers[at] ?? ''));
  if (leftOut.length === 0) return undefined;
  return { names: image.RepoTags ?? [], config, configDigest: digestOf(config), leftOut };
}
