/**
 * One worker's half of a move in a process of its own, so that its memory can be told: publishes from its engine, or loads into it.
 * Started by `slipway-way.ts` with its engine and store as JSON; is asked and answers by messages.
 */
import { Readable } from 'node:stream';
import { connectEngine } from '../../docker/connect.ts';
import type { BlobStore } from '../../model/blob-store.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { openStore } from '../../store/open-store.ts';
import type { S3Config } from '../../store/s3-session.ts';
import { closureOf } from '../../steps/image-closure.ts';
import { publishNotes } from '../../steps/publish-notes.ts';

export interface MoverConfig {
  readonly engine: string;
  readonly store: S3Config;
  /** `none`: there is no endpoint that the engine reaches, so images go as tars. */
  readonly reach: 'loopback' | 'none';
}

const PLACE = { domain: 'bench', level: 1 } as const;

export type MoverRequest =
  | { readonly do: 'publish'; readonly image: string; readonly known: readonly string[] }
  | { readonly do: 'load'; readonly image: StoredImage; readonly tag: string };

export type MoverAnswer =
  | {
      readonly stored?: StoredImage;
      readonly engineImageId?: string;
      readonly way: string;
      /** What a load has read of the store. */
      readonly bytesRead?: number;
      readonly peakRssBytes: number;
    }
  | { readonly error: string };

const config = JSON.parse(process.argv[2] ?? '') as MoverConfig;
const store = openStore(config.store);
let bytesRead = 0;
const engine = await connectEngine({
  address: config.engine,
  blobs: counted(store.blobs, (bytes) => (bytesRead += bytes)),
  reach: { kind: config.reach },
  fleet: 'bench',
});

process.on('message', (request: MoverRequest) => {
  carryOut(request).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies MoverAnswer),
  );
});
process.on('disconnect', () => {
  void engine.close().then(() => process.exit(0));
});

/** The same blobs. What else this process reads is not the store's. */
function counted(blobs: BlobStore, onBytes: (bytes: number) => void): BlobStore {
  return {
    stat: (...wanted) => blobs.stat(...wanted),
    claim: (...wanted) => blobs.claim(...wanted),
    write: (...wanted) => blobs.write(...wanted),
    writeUnknown: (...wanted) => blobs.writeUnknown(...wanted),
    async read(...wanted) {
      const body = await blobs.read(...wanted);
      async function* passing(): AsyncGenerator<Buffer> {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          onBytes(chunk.length);
          yield chunk;
        }
      }
      return Readable.from(passing(), { objectMode: false });
    },
  };
}

async function carryOut(request: MoverRequest): Promise<MoverAnswer> {
  const { signal } = new AbortController();
  const peak = (): number => process.resourceUsage().maxRSS * 1024;
  if (request.do === 'load') {
    const before = bytesRead;
    const { engineImageId, way } = await engine.images.load(request.image, { tag: request.tag, signal });
    return { engineImageId, way, bytesRead: bytesRead - before, peakRssBytes: peak() };
  }
  const closures = await Promise.all(
    request.known.map((manifest) => closureOf(store.blobs, manifest, signal)),
  );
  const known = new Set(closures.flat());
  const published = await engine.images.publish(request.image, {
    signal,
    ...publishNotes(store, PLACE, (digest) => known.has(digest)),
  });
  const { manifestDigest, configDigest, diffIds, sizeBytes, way } = published;
  return { stored: { manifestDigest, configDigest, diffIds, sizeBytes }, way, peakRssBytes: peak() };
}
