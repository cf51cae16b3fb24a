/**
 * One worker's half of a move in a process of its own, so that its memory can be told: publishes from its engine, or loads into it.
 * Started by `slipway-way.ts` with its engine and store as JSON; is asked and answers by messages.
 */
import { readFile } from 'node:fs/promises';
import { connectEngine } from '../../docker/connect.ts';
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
const engine = await connectEngine({
  address: config.engine,
  blobs: store.blobs,
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

/** All that this process has read of whatever, as the kernel counts it. */
async function readSoFar(): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

async function carryOut(request: MoverRequest): Promise<MoverAnswer> {
  const { signal } = new AbortController();
  const peak = (): number => process.resourceUsage().maxRSS * 1024;
  if (request.do === 'load') {
    const before = await readSoFar();
    const { engineImageId, way } = await engine.images.load(request.image, { tag: request.tag, signal });
    // The engine is sent much and says little.
    return { engineImageId, way, bytesRead: (await readSoFar()) - before, peakRssBytes: peak() };
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
