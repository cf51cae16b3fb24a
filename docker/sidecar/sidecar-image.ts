import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';

const FILES = ['Dockerfile', 'start.sh'];
const HASH_DIGITS = 12;

/** The name that the sidecar's image has in an engine. It changes with what the image is made of. */
export function sidecarImageTag(): string {
  const hash = createHash('sha256');
  for (const name of FILES) hash.update(`${name}\0`).update(contentOf(name)).update('\0');
  return `slipway.invalid/sidecar:${hash.digest('hex').slice(0, HASH_DIGITS)}`;
}

/** The build context of the sidecar's image, as a tar. Its base is `debian:bookworm`; the build needs Debian's packages. */
export function sidecarContext(): Readable {
  const tar = pack();
  for (const name of FILES) tar.entry({ name, mtime: new Date(0) }, contentOf(name));
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}

function contentOf(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, name));
}
