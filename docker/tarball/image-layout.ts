import type { Digest } from '../../model/pure/ids.ts';
import { digestOf } from '../endpoint/closure.ts';
import { MEDIA_TYPES } from '../endpoint/manifest.ts';

export interface LayoutOptions {
  readonly names: readonly string[];
  readonly config: Buffer;
  readonly configDigest: Digest;
  /** Uncompressed, lowest first. */
  readonly layers: readonly { readonly digest: Digest; readonly sizeBytes: number }[];
}

/**
 * The documents of an image tar with their paths. Both readers find theirs: classic engines read `manifest.json`,
 * the containerd store `index.json`, and both name the same bytes.
 */
export function layoutFiles(options: LayoutOptions): readonly (readonly [path: string, bytes: Buffer])[] {
  const { names, config, configDigest, layers } = options;
  const manifest = toBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: configDigest, size: config.length },
    layers: layers.map(({ digest, sizeBytes }) => ({
      mediaType: MEDIA_TYPES.ociLayer,
      digest,
      size: sizeBytes,
    })),
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
    dockerManifest(options),
    ['oci-layout', toBytes({ imageLayoutVersion: '1.0.0' })],
  ];
}

/** `manifest.json`, all that a classic engine reads. */
export function dockerManifest({
  names,
  configDigest,
  layers,
}: Omit<LayoutOptions, 'config'>): readonly [path: string, bytes: Buffer] {
  const image = {
    Config: pathOf(configDigest),
    RepoTags: names,
    Layers: layers.map(({ digest }) => pathOf(digest)),
  };
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
