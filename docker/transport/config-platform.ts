import { z } from 'zod';
import type { ImagePlatform } from '../images/platform-of-image.ts';
import { isForPlatform } from '../images/platform-of-image.ts';

const platformSchema = z.object({
  os: z.string().default('linux'),
  architecture: z.string().default('amd64'),
});

/** What an image's config says that it is for. @throws {TypeError} when it is none. */
export function platformOf(config: Buffer): ImagePlatform {
  const parsed = platformSchema.safeParse(JSON.parse(config.toString('utf8')));
  if (!parsed.success) throw new TypeError(`not an image config: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Whether an image's config says that it is for a platform. @throws {TypeError} {SyntaxError} when it is none. */
export function isConfigFor(config: Buffer, platform: string): boolean {
  return isForPlatform(platformOf(config), platform);
}

/** @throws {TypeError} saying which one the image is for. */
export function expectPlatform(config: Buffer, platform: string): void {
  if (isConfigFor(config, platform)) return;
  const { os, architecture } = platformOf(config);
  throw new TypeError(`it holds no image for ${platform}, but for ${os}/${architecture}`);
}
