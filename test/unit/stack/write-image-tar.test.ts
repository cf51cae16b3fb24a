import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { extract } from 'tar-stream';
import { writeImageTar } from '../../../stack/write-image-tar.ts';

async function entriesOf(tar: Buffer): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>();
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    entries.set(entry.header.name, Buffer.concat(chunks));
  }
  return entries;
}

describe('writeImageTar', () => {
  it('gives the same bytes for the same layer, and names the layer by its digest', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-image-'));
    const layer = Buffer.from('a layer');
    const layerPath = join(directory, 'layer.tar');
    await writeFile(layerPath, layer);
    const image = {
      layerPath,
      name: 'demo:1',
      architecture: 'amd64',
      created: '2026-01-01T00:00:00.000Z',
      comment: 'test',
    };
    const signal = new AbortController().signal;

    await writeImageTar(join(directory, 'one.tar'), image, signal);
    await writeImageTar(join(directory, 'two.tar'), image, signal);

    const one = await readFile(join(directory, 'one.tar'));
    expect(one.equals(await readFile(join(directory, 'two.tar')))).toBe(true);
    const entries = await entriesOf(one);
    const hex = createHash('sha256').update(layer).digest('hex');
    expect(entries.get(`blobs/sha256/${hex}`)).toEqual(layer);
    const [manifest] = JSON.parse(String(entries.get('manifest.json'))) as [
      { Config: string; RepoTags: string[] },
    ];
    expect(manifest.RepoTags).toEqual(['demo:1']);
    expect(JSON.parse(String(entries.get(manifest.Config)))).toMatchObject({
      architecture: 'amd64',
      created: '2026-01-01T00:00:00.000Z',
      rootfs: { type: 'layers', diff_ids: [`sha256:${hex}`] },
    });
    await rm(directory, { recursive: true });
  });
});
