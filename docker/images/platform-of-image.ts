import type Docker from 'dockerode';

/** What an image's config says that it runs on. */
export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** Names that engines take for an architecture's own. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  i386: '386',
};

/** Whether an image is of a platform's system and architecture; variants of that count for nothing, since many images name none. */
export function isForPlatform({ os, architecture }: ImagePlatform, platform: string): boolean {
  const [wantedOs, wanted = ''] = platform.toLowerCase().split('/');
  return os === wantedOs && architecture === (OTHER_NAMES[wanted] ?? wanted);
}

/**
 * Digest of what a containerd store has of an image for a platform, beside what it has of it for others. Undefined when there is
 * none, or when the engine does not tell: one before 27.
 */
export async function findOfPlatform(
  docker: Docker,
  id: string,
  platform: string,
): Promise<string | undefined> {
  const images = await docker.listImages({ manifests: true });
  const manifests = images.find(({ Id }) => Id === id)?.Manifests ?? [];
  const there = manifests.filter(
    ({ Available, ImageData }) => Available && ImageData && isForPlatform(ImageData.Platform, platform),
  );
  const [, , variant] = platform.split('/');
  const exact = there.find(({ ImageData }) => ImageData?.Platform.variant === variant);
  return (exact ?? there[0])?.ID;
}
