import { connectEngine } from '../docker/connect.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { SHARED_DOMAIN } from '../store/image-index.ts';
import { openStore } from '../store/open-store.ts';
import type { BaseImage } from './base-image.ts';
import { reportStep } from './report-step.ts';
import type { StackOptions } from './stack-options.ts';

const LEVEL = 3;

export interface EnterBaseOptions {
  readonly engine: string;
  readonly base: BaseImage;
  readonly store: Connections['store'];
  readonly fleet: string;
}

/**
 * Publishes the base image into the store and records it for all projects, so that images can be built on it without a
 * registry. What was recorded once stays: images hang on its digest. Safe to repeat.
 */
export async function enterBase(
  { engine: address, base, store: connection, fleet }: EnterBaseOptions,
  options: StackOptions,
): Promise<void> {
  const store = openStore(connection);
  const engine = await connectEngine({ address, blobs: store.blobs, reach: { kind: 'loopback' }, fleet });
  try {
    const { platform } = await engine.info();
    const known = await store.index.findBase(SHARED_DOMAIN, platform, base.reference, LEVEL);
    if (known && (await store.blobs.stat(known.manifestDigest as Digest))) return;
    await reportStep(options, 'base image', {
      doing: `entering ${base.reference} into the store`,
      done: (digest) => `${base.reference} is in the store as ${digest}`,
      run: async () => {
        const published = await engine.images.publish(base.reference, {
          signal: options.signal,
          mayConfirm: () => true,
          onLayer: ({ diffId, digest }) => store.index.recordLayer(SHARED_DOMAIN, LEVEL, diffId, digest),
        });
        const { manifestDigest, configDigest, diffIds, sizeBytes } = published;
        const record = await store.index.recordBase(SHARED_DOMAIN, LEVEL, {
          version: 1,
          reference: base.reference,
          platform,
          manifestDigest,
          configDigest,
          diffIds: [...diffIds],
          sizeBytes,
          resolved: new Date().toISOString(),
          source: base.source,
        });
        return record.manifestDigest;
      },
    });
  } finally {
    await engine.close();
    store.close();
  }
}
