import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3Config } from '../../store/s3-session.ts';
import { ownReference } from '../../model/engine-names.ts';
import { KeptObjects } from './kept-objects.ts';
import type { MoverAnswer, MoverConfig, MoverRequest } from './mover.ts';
import type { Way } from './way.ts';

const MOVER = fileURLToPath(new URL('./mover.ts', import.meta.url));

/** As workers do it: one process publishes from the builder's engine, another loads into the runner's. */
export async function openSlipwayWay(
  store: S3Config,
  engines: { readonly source: string; readonly target: string },
): Promise<Way> {
  const objects = createS3ObjectStore(store);
  await objects.ensureBucket();
  const kept = new KeptObjects(objects);
  const source = startMover({ engine: engines.source, store });
  const target = startMover({ engine: engines.target, store });
  const manifests: string[] = [];
  let marked = 0;
  return {
    name: 'Slipway',
    async move(tag) {
      const published = await ask(source, { do: 'publish', image: tag, known: manifests });
      if (!published.stored) throw new Error('Nothing was published');
      manifests.push(published.stored.manifestDigest);
      const name = tag.replace(/[^a-z0-9]/g, '-');
      const loaded = await ask(target, { do: 'load', image: published.stored, tag: name });
      return {
        image: loaded.engineImageId ?? '',
        bytesSent: await kept.addedBytes(),
        names: [ownReference(name)],
        peakRssBytes: Math.max(published.peakRssBytes, loaded.peakRssBytes),
      };
    },
    async mark() {
      marked = manifests.length;
      await kept.mark();
    },
    async reset() {
      manifests.length = marked;
      await kept.reset();
    },
    async close() {
      for (const child of [source, target]) {
        const exited = once(child, 'exit');
        child.disconnect();
        await exited;
      }
      objects.close();
    },
  };
}

function startMover(config: MoverConfig): ChildProcess {
  return fork(MOVER, [JSON.stringify(config)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

async function ask(
  child: ChildProcess,
  request: MoverRequest,
): Promise<Exclude<MoverAnswer, { error: string }>> {
  const ended = new AbortController();
  const answer = Promise.race([
    once(child, 'message', { signal: ended.signal }) as Promise<[MoverAnswer]>,
    once(child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`The mover ended with ${String(code)}`);
    }),
  ]);
  child.send(request);
  try {
    const [said] = await answer;
    if ('error' in said) throw new Error(said.error);
    return said;
  } finally {
    ended.abort();
  }
}
