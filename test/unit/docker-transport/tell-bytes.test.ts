import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LayerProgress } from '../../../client/cli/render/layer-progress.ts';
import { formatBytes } from '../../../client/cli/render/quantities.ts';
import type { Progress } from '../../../docker/engine.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { importImageTar } from '../../../docker/transport/import-tar.ts';
import { tellBytes } from '../../../docker/transport/tell-bytes.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const signal = new AbortController().signal;

let directory: string;
let blobs: DirectoryBlobs;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-bytes-'));
  blobs = await DirectoryBlobs.create(directory);
});
afterEach(() => rm(directory, { recursive: true }));

async function drain(body: AsyncIterable<unknown>): Promise<void> {
  for await (const chunk of body) void chunk;
}

describe('a layer on the tar way', () => {
  it('is told of as it is sent, and as it is stored, with its size', async () => {
    const contents = [Buffer.concat([Buffer.alloc(2_000_000, 'x'), randomBytes(100)])];
    const { stored, layers } = await putImage(blobs, await anImage({ contents }));
    const [sent, kept]: [Progress[], Progress[]] = [[], []];
    const short = stored.diffIds[0]?.slice('sha256:'.length, 'sha256:'.length + 12);

    const tar = streamImageTar(blobs, stored, {
      names: ['x:1'],
      signal,
      onProgress: (one) => sent.push(one),
    });
    await importImageTar(blobs, tar, { signal, onProgress: (one) => kept.push(one) });

    const begin = { layer: short, bytes: 0, totalBytes: expect.any(Number) };
    expect(sent).toContainEqual({ ...begin, message: `${short}: sending` });
    expect(kept).toContainEqual({ ...begin, message: `${short}: storing` });
    const end = { ...begin, bytes: expect.any(Number) };
    expect(sent.at(-1)).toEqual({ ...end, message: `${short}: sent` });
    expect(kept.at(-1)).toEqual({ ...end, message: `${short}: stored` });
    expect(sent.at(-1)?.bytes).toBe(sent.at(-1)?.totalBytes);
    // Before, it is fetched to be measured.
    const storedBytes = layers[0]?.length;
    expect(sent[0]).toEqual({ ...begin, totalBytes: storedBytes, message: `${short}: fetching` });
    const fetched = { ...begin, bytes: storedBytes, totalBytes: storedBytes, message: `${short}: fetched` };
    expect(sent).toContainEqual(fetched);
  });

  it('is shown to people once: as it is stored when it is fetched, unpacked where its size was seen before', async () => {
    const contents = [Buffer.from(randomBytes(150_000).toString('hex'))];
    const { stored, layers } = await putImage(blobs, await anImage({ contents }));
    const show = async (): Promise<readonly string[]> => {
      const progress = new LayerProgress();
      const lines: (string | undefined)[] = [];
      const onProgress = (one: Progress): unknown => lines.push(progress.update(one));
      await drain(streamImageTar(blobs, stored, { names: ['x:1'], signal, onProgress }));
      expect(progress.line()).toBe('');
      return lines.filter((line) => line !== undefined);
    };

    const [first, second] = [await show(), await show()];

    const short = stored.diffIds[0]?.slice('sha256:'.length, 'sha256:'.length + 12) ?? '';
    const line = (size: string): unknown => [
      expect.stringMatching(new RegExp(`^ {2}${short} {2}${size} in .*B/s$`)),
    ];
    expect(first).toEqual(line(formatBytes(layers[0]?.length ?? 0)));
    expect(second).toEqual(line('30[0-9] kB'));
  });

  it('is shown to people with bytes and rate', async () => {
    let now = 0;
    const progress = new LayerProgress(() => now);
    const lines: string[] = [];
    async function* body(): AsyncGenerator<Buffer> {
      for (let part = 0; part < 4; part += 1) {
        await new Promise((resolve) => setTimeout(resolve, 120));
        yield Buffer.alloc(1_000_000);
      }
    }

    await drain(
      tellBytes(body(), { layer: 'aaa', totalBytes: 4_000_000, doing: 'sending' }, (one) => {
        now += 1_000;
        lines.push(progress.update(one) ?? progress.line());
      }),
    );

    expect(lines.slice(0, 2)).toEqual(['0 B/s: aaa 0 B of 4.0 MB', '1.0 MB/s: aaa 1.0 MB of 4.0 MB']);
    expect(lines.at(-1)).toMatch(/^ {2}aaa {2}4\.0 MB in 5\.0 s/);
  });
});
