import type { Digest } from '../../model/pure/ids.ts';
import { digestOf } from '../endpoint/closure.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';
import type { Descriptor } from '../endpoint/manifest.ts';

export interface LayoutLayer {
  readonly diffId: Digest;
  /** What the OCI layout names: the plain tar; of a layer that is left out the blob of the store, whose size is known unread. */
  readonly blob: Descriptor;
}

export interface LayoutOptions {
  readonly names: readonly string[];
  readonly config: Buffer;
  readonly configDigest: Digest;
  /** Lowest first. */
  readonly layers: readonly LayoutLayer[];
}

/** A layer that is in the tar. */
export function plainLayer(diffId: Digest, sizeBytes: number): LayoutLayer {
  return { diffId, blob: { mediaType: MEDIA_TYPES.ociLayer, digest: diffId, size: sizeBytes } };
}

/**
 * The documents of an image tar with their paths. Both readers find theirs: classic engines read `manifest.json`,
 * the containerd store `index.json`, and both name the same bytes where they are there.
 */
export function layoutFiles(options: LayoutOptions): readonly (readonly [path: string, bytes: Buffer])[] {
  const { names, config, configDigest, layers } = options;
  const manifest = toBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: configDigest, size: config.length },
    layers: layers.map(({ blob: { mediaType, digest, size } }) => ({ mediaType, digest, size })),
  });
  const manifestDigest = digestOf(manifest);
  const descriptor = { mediaType: MEDIA_TYPES.ociManifest, digest: manifestDigest, size: manifest.length };
  const named = names.map((name) => ({ ...descriptor, annotations: annotationsOf(name) }));
  const index = toBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: named.length > 0 ? named : [descriptor],
  });
  return [
    [pathOf(manifestDigest), manifest],
    ['index.json', index],
    dockerManifest(
      names,
      configDigest,
      layers.map(({ diffId }) => diffId),
    ),
    ['oci-layout', toBytes({ imageLayoutVersion: '1.0.0' })],
  ];
}

/** The same of an image as it is stored, whose layers keep their compression. */
export function storedLayoutFiles(
  names: readonly string[],
  stored: {
    readonly digest: Digest;
    readonly manifest: Buffer;
    readonly image: {
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    };
  },
): readonly (readonly [path: string, bytes: Buffer])[] {
  const { digest, manifest, image } = stored;
  const descriptor = { mediaType: image.mediaType, digest, size: manifest.length };
  const manifests = names.map((name) => ({ ...descriptor, annotations: annotationsOf(name) }));
  const layers = image.layers.map((layer) => layer.digest);
  return [
    ['index.json', toBytes({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests })],
    dockerManifest(names, image.config.digest, layers),
    ['oci-layout', toBytes({ imageLayoutVersion: '1.0.0' })],
  ];
}

/** `manifest.json`, all that a classic engine reads. */
function dockerManifest(
  names: readonly string[],
  configDigest: Digest,
  layers: readonly Digest[],
): readonly [path: string, bytes: Buffer] {
  const image = { Config: pathOf(configDigest), RepoTags: names, Layers: layers.map(pathOf) };
  return ['manifest.json', toBytes([image])];
}

/** containerd takes a name only in full; people and podman read the tag. */
function annotationsOf(name: string): Record<string, string> {
  return {
    'io.containerd.image.name': fullName(name),
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
}

function fullName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  if (rest.length === 0) return `docker.io/library/${name}`;
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost';
  return isHost ? name : `docker.io/${name}`;
}

function pathOf(digest: Digest): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
