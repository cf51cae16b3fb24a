import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { digestOf } from '../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../docker/endpoint/manifest.ts';
import type { MadeImage } from './stored-images.ts';

export type Part = readonly [
  header: string | (Partial<Header> & Pick<Header, 'name'>),
  content?: Buffer | string,
];

/** A tar of these entries, in this order. */
export async function archive(parts: readonly Part[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content = ''] of parts)
    tar.entry(typeof header === 'string' ? { name: header } : header, content);
  tar.finalize();
  return Buffer.concat(await Readable.from(tar).toArray());
}

export interface ArchiveChanges {
  readonly manifest?: unknown;
  readonly extra?: readonly Part[];
  readonly config?: Buffer | string;
}

/** What a classic engine saves of an image with two layers: a directory for each layer, the manifest at the end. */
export function savedByClassic(image: MadeImage, changes: ArchiveChanges = {}): Promise<Buffer> {
  const [first, second] = image.layers.map((layer) => gunzipSync(layer));
  const manifest = [{ Config: 'config.json', RepoTags: ['x:1'], Layers: ['a/layer.tar', 'b/layer.tar'] }];
  return archive([
    [{ name: 'a/', type: 'directory' }],
    ['a/VERSION', '1.0'],
    ['a/json', '{}'],
    ['a/layer.tar', first],
    ['b/layer.tar', second],
    ['config.json', changes.config ?? image.config],
    ...(changes.extra ?? []),
    ['manifest.json', JSON.stringify(changes.manifest ?? manifest)],
  ]);
}

/** What engines saved before there was a manifest: every layer names its parent. */
export function savedLongAgo(
  image: MadeImage,
  changes: { readonly parentOfFirst?: string } = {},
): Promise<Buffer> {
  const parts = image.layers.flatMap((layer, at): Part[] => [
    [
      `l${at}/json`,
      JSON.stringify({
        id: `l${at}`,
        ...(at > 0 ? { parent: `l${at - 1}` } : {}),
        ...(at === 0 && changes.parentOfFirst ? { parent: changes.parentOfFirst } : {}),
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['/file-0'] },
      }),
    ],
    [`l${at}/layer.tar`, gunzipSync(layer)],
  ]);
  const top = `l${image.layers.length - 1}`;
  return archive([...parts, ['repositories', JSON.stringify({ x: { '1': top } })]]);
}

export interface LayoutChanges {
  /** Changes `index.json`. */
  readonly index?: (descriptor: object) => unknown;
  readonly manifest?: Buffer;
  readonly layers?: readonly Buffer[];
  readonly extra?: readonly Part[];
}

/** An OCI layout of images, blobs in the order of their names. */
export async function ociLayout(images: readonly MadeImage[], changes: LayoutChanges = {}): Promise<Buffer> {
  const blobs = new Map<string, Buffer>();
  const descriptors = images.map((image, at) => {
    const manifest = changes.manifest ?? image.manifest;
    blobs.set(digestOf(manifest), manifest);
    blobs.set(image.stored.configDigest, image.config);
    for (const [layer, bytes] of image.layers.entries())
      blobs.set(digestOf(bytes), changes.layers?.[layer] ?? bytes);
    const name = images.length > 1 ? { 'org.opencontainers.image.ref.name': `image:${at}` } : undefined;
    return {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: digestOf(manifest),
      size: manifest.length,
      ...(name ? { annotations: name } : {}),
    };
  });
  const manifests = changes.index ? descriptors.map(changes.index) : descriptors;
  return archive([
    ...[...blobs].map(([digest, bytes]): Part => [`blobs/sha256/${digest.slice(7)}`, bytes]),
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
    ...(changes.extra ?? []),
    ['index.json', JSON.stringify({ schemaVersion: 2, manifests: manifests.flat() })],
  ]);
}
