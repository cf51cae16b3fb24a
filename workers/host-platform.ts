import { arch } from 'node:os';

/** The platform of images in OCI's words. */
export function hostPlatform(): string {
  const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
  return `linux/${architectures[arch()] ?? arch()}`;
}
