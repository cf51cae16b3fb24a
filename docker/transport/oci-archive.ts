import { z } from 'zod';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { digestOf } from '../endpoint/closure.ts';
import { parseManifest } from '../endpoint/manifest.ts';
import type { Descriptor } from '../endpoint/manifest.ts';
import { isForPlatform } from '../images/platform-of-image.ts';
import { blobPathOf } from './archive-path.ts';
import type { ArchivedImage, ImageParts } from './archived-image.ts';
import { parseDocument } from './parse-document.ts';
import type { Archive } from './read-archive.ts';

const indexSchema = z.object({
  manifests: z
    .array(
      z.object({
        mediaType: z.string().optional(),
        digest: z
          .string()
          .regex(DIGEST_PATTERN)
          .transform((text) => text as Digest),
        size: z.number().int().nonnegative(),
        platform: z
          .object({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
          .optional(),
        annotations: z.record(z.string(), z.string()).optional(),
      }),
    )
    .max(1000),
});

type Child = z.infer<typeof indexSchema>['manifests'][number];

/** An index may stand in `index.json`, and another one for the platforms in it; no tool writes more. */
const MAX_DEPTH = 3;
const PLATFORMS_SHOWN = 20;
/** What engines mean by an architecture without a variant. */
const USUAL_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm: 'v7', arm64: 'v8' };

/** Images of an OCI layout, by `index.json`: what buildah, podman, skopeo and buildx write. Each is the one for a platform. */
export function readOciArchive(archive: Archive, platform: string): readonly ArchivedImage[] {
  const { manifests } = parseDocument(archive, 'index.json', indexSchema);
  const images = new Map<string, ArchivedImage & { names: string[] }>();
  const ours = forPlatform(manifests, platform);
  if (ours.length === 0 && imagesOf(manifests).length > 0)
    throw new TypeError(`it holds ${noneFor(platform, manifests)}`);
  for (const child of ours) {
    const present = images.get(child.digest);
    if (present) present.names.push(...namesOf(child));
    else
      images.set(child.digest, {
        names: namesOf(child),
        id: child.digest,
        open: () => chosenAmong(manifests, ours, openImage(archive, child, platform, 1)),
      });
  }
  return [...images.values()];
}

function openImage(archive: Archive, child: Child, platform: string, depth: number): ImageParts {
  const bytes = blobOf(archive, child);
  const manifest = parseManifest(bytes);
  if (manifest.kind === 'index') {
    if (depth >= MAX_DEPTH) throw new TypeError('its indexes name one another without an end');
    const children = parseDocument(archive, blobPathOf(child.digest), indexSchema).manifests;
    const ours = forPlatform(children, platform);
    const [first, second] = ours;
    if (!first || second)
      throw new TypeError(
        `index ${child.digest} has ${first ? `several images for ${platform}` : noneFor(platform, children)}`,
      );
    return chosenAmong(children, ours, openImage(archive, first, platform, depth + 1));
  }
  const config = blobOf(archive, manifest.config);
  return {
    config: () => config,
    layers: manifest.layers.map(({ digest, size }) => ({
      path: blobPathOf(digest),
      stated: { digest, sizeBytes: size },
    })),
  };
}

function chosenAmong(all: readonly Child[], ours: readonly Child[], parts: ImageParts): ImageParts {
  return ours.length < imagesOf(all).length ? { ...parts, isByPlatform: true } : parts;
}

/** A document whose bytes are those that are named. */
function blobOf(archive: Archive, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Buffer {
  const bytes = archive.document(blobPathOf(digest));
  if (bytes.length !== size || digestOf(bytes) !== digest)
    throw new TypeError(`blob ${digest} has other bytes than its name or size says`);
  return bytes;
}

/** Where platforms are told, only ours counts. */
function forPlatform(children: readonly Child[], platform: string): Child[] {
  const images = imagesOf(children);
  const ours = images.filter((child) => !child.platform || isForPlatform(child.platform, platform));
  const [, , variant] = platform.split('/');
  const exact = ours.filter(
    (child) => [undefined, variant].includes(child.platform?.variant) || variant === undefined,
  );
  if (exact.length > 0) return nearest(exact, variant);
  // An image for another platform is taken where it is the only one, as engines do.
  return ours.length > 0 || images.length > 1 ? ours : images;
}

/** Of children that have one name, those of the variant that is wanted; else of none, else of the usual one, else all. */
function nearest(children: readonly Child[], variant: string | undefined): Child[] {
  const rankOf = ({ platform }: Child): number => {
    const wanted = [variant, undefined, USUAL_VARIANTS[platform?.architecture ?? '']];
    const rank = wanted.indexOf(platform?.variant);
    return rank === -1 ? wanted.length : rank;
  };
  const named = Map.groupBy(children, (child) => namesOf(child).join(' '));
  return [...named.values()].flatMap((group) => {
    const best = Math.min(...group.map(rankOf));
    return group.filter((child) => rankOf(child) === best);
  });
}

/** Attestations stand beside the image that they are about. */
function imagesOf(children: readonly Child[]): Child[] {
  return children.filter(
    (child) =>
      child.annotations?.['vnd.docker.reference.type'] === undefined && child.platform?.os !== 'unknown',
  );
}

function noneFor(platform: string, children: readonly Child[]): string {
  const others = imagesOf(children).map((child) => {
    const { os = '', architecture = '', variant } = child.platform ?? {};
    return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
  });
  const shown = [...new Set(others)].slice(0, PLATFORMS_SHOWN).join(', ');
  return `no image for ${platform}${shown === '' ? '' : `, but for ${shown}`}`;
}

function namesOf({ annotations = {} }: Child): string[] {
  const names = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  return [...new Set(names.filter((name) => name !== undefined))];
}
