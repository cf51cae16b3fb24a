import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3Config } from '../../store/s3-session.ts';
import { KeptObjects } from './kept-objects.ts';
import type { Way } from './way.ts';

/** What people do by hand: `docker save | zstd | S3`, then `S3 | zstd -d | docker load`, each half as one pipe. */
export async function openArchiveWay(
  store: S3Config,
  { source, target }: { readonly source: Docker; readonly target: Docker },
): Promise<Way> {
  const objects = createS3ObjectStore(store);
  await objects.ensureBucket();
  const kept = new KeptObjects(objects);
  return {
    name: 'save | zstd | S3 | load',
    async move(tag) {
      const began = performance.now();
      const tar = (await source.getImage(tag).get()) as Readable;
      const packing = zstd(['-1', '-T0', '-c'], tar);
      const key = `${randomUUID()}.tar.zst`;
      await objects.putStream(key, packing.output, {});
      await packing.ended;
      const sendingMs = performance.now() - began;

      const stored = await objects.stream(key);
      if (!stored) throw new Error('The archive is not in the store');
      const unpacking = zstd(['-d', '-c'], stored);
      const answer = (await target.loadImage(unpacking.output, { quiet: true })) as Readable;
      for await (const _ of answer);
      await unpacking.ended;
      return { image: tag, bytesSent: await kept.addedBytes(), sendingMs, names: [tag] };
    },
    mark: () => kept.mark(),
    reset: () => kept.reset(),
    close: () => Promise.resolve(objects.close()),
  };
}

function zstd(args: readonly string[], input: Readable): { output: Readable; ended: Promise<unknown> } {
  const child = spawn('zstd', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = Promise.all([
    pipeline(input, child.stdin),
    once(child, 'exit').then(([code]) => {
      if (code !== 0) throw new Error(`zstd ended with ${String(code)}`);
    }),
  ]);
  ended.catch((error: Error) => child.stdout.destroy(error));
  return { output: child.stdout, ended };
}
