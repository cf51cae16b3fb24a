import { z } from 'zod';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';

export const MEDIA_TYPES = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** Manifests are read whole; more than this is nobody's image. */
export const MANIFEST_MAX_BYTES = 4 * 1024 * 1024;

const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.dockerIndex, MEDIA_TYPES.ociIndex];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPES.dockerManifest, MEDIA_TYPES.ociManifest];

const descriptorSchema = z.object({
  mediaType: z.string().max(255),
  digest: z
    .string()
    .regex(DIGEST_PATTERN)
    .transform((text) => text as Digest),
  size: z.number().int().nonnegative(),
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
});

/** What a manifest says of one of its parts: digest and size are claims until they were checked. */
export type Descriptor = z.infer<typeof descriptorSchema>;

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(1000),
  manifests: z.undefined().optional(),
});

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(descriptorSchema).max(100),
  // A document that is manifest and index at once means different things to different readers.
  config: z.undefined().optional(),
  layers: z.undefined().optional(),
});

/** One image: a config and its layers, lowest first. */
export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Several images under one digest, one for each platform. */
export interface IndexManifest {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

export type Manifest = ImageManifest | IndexManifest;

/**
 * Reads a Docker v2 or OCI manifest or index. Its media type is its own word, else `contentType`, else what its members make it.
 * @throws {TypeError} when it is none, or when it and `contentType` disagree.
 */
export function parseManifest(bytes: Buffer, contentType?: string): Manifest {
  const document = parseJson(bytes);
  const isIndex = typeof document === 'object' && document !== null && 'manifests' in document;
  const parsed = (isIndex ? indexSchema : manifestSchema).safeParse(document);
  if (!parsed.success) throw new TypeError(`not a manifest: ${z.prettifyError(parsed.error)}`);
  const { mediaType: stated, ...rest } = parsed.data;
  if (stated && contentType && stated !== contentType)
    throw new TypeError(`a manifest of type ${stated} was sent as ${contentType}`);
  const mediaType = stated ?? contentType ?? (isIndex ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest);
  if (!(isIndex ? INDEX_TYPES : MANIFEST_TYPES).includes(mediaType))
    throw new TypeError(`manifests of type ${mediaType} are not taken`);
  if ('layers' in rest && rest.layers && rest.config)
    return { kind: 'image', mediaType, config: rest.config, layers: rest.layers };
  return { kind: 'index', mediaType, manifests: rest.manifests ?? [] };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new TypeError('not a manifest: it is no JSON', { cause });
  }
}
