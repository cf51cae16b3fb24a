import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NODE_ARGUMENTS } from '../../client/cli/own-command.ts';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3Config } from '../../store/s3-session.ts';
import { ownReference } from '../../model/engine-names.ts';
import { KeptObjects } from './kept-objects.ts';
import type { MoverAnswer, MoverConfig, MoverRequest } from './mover.ts';
import type { Way } from './way.ts';

const MOVER = fileURLToPath(new URL('./mover.ts', import.meta.url));

/**
 * As workers do it: one process publishes from the builder's engine, another loads into the runner's; through the endpoint, or as
 * tars where the engines do not reach one.
 */
export async function openSlipwayWay(
  name: string,
  store: S3Config,
  {
    reach,
    ...engines
  }: { readonly source: string; readonly target: string; readonly reach: MoverConfig['reach'] },
): Promise<Way> {
  const objects = createS3ObjectStore(store);
  await objects.ensureBucket();
  const kept = new KeptObjects(objects);
  const source = startMover({ engine: engines.source, store, reach });
  const target = startMover({ engine: engines.target, store, reach });
  const manifests: string[] = [];
  let marked = 0;
  return {
    name,
    async move(tag) {
      const began = performance.now();
      const published = await ask(source, { do: 'publish', image: tag, known: manifests });
      if (!published.stored) throw new Error('Nothing was published');
      const sendingMs = performance.now() - began;
      manifests.push(published.stored.manifestDigest);
      const short = tag.replace(/[^a-z0-9]/g, '-');
      const loaded = await ask(target, { do: 'load', image: published.stored, tag: short });
      return {
        image: loaded.engineImageId ?? '',
        bytesSent: await kept.addedBytes(),
        ...(loaded.bytesRead === undefined ? {} : { bytesRead: loaded.bytesRead }),
        sendingMs,
        names: [ownReference(short)],
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
  return fork(MOVER, [JSON.stringify(config)], {
    execArgv: [...NODE_ARGUMENTS],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
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
