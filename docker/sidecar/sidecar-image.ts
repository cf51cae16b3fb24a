import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { isOwnName } from '../../model/engine-names.ts';
import { InternalError } from '../../model/errors.ts';

const FILES = ['Dockerfile', 'start.sh'];
/** Runs in the sidecar of a task, on a Node of ours: Debian's is too old for it. */
const FILTER = join(import.meta.dirname, '..', 'dind', 'filter');
const HASH_DIGITS = 12;

/** The name that the sidecar's image has in an engine. It changes with what the image is made of. */
export function sidecarImageTag(): string {
  const hash = createHash('sha256').update(`node ${process.version}\0`);
  for (const [name, content] of contents()) hash.update(`${name}\0`).update(content).update('\0');
  return `slipway.invalid/sidecar:${hash.digest('hex').slice(0, HASH_DIGITS)}`;
}

/** The image of the sidecars that this process makes: one of somebody's own that is given, else ours. A name of ours may be of before. */
export function chosenSidecarImage(given: string | undefined): string {
  return given === undefined || given === '' || isOwnName(given) ? sidecarImageTag() : given;
}

/** The version of Docker Engine in ours, as its Dockerfile chooses it; the distribution's own number goes on after a `+`. */
export function sidecarEngineVersion(): string {
  const dockerfile = readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8');
  const version = /^ARG ENGINE_VERSION=(\S+)$/m.exec(dockerfile)?.[1];
  if (version === undefined) throw new InternalError('The Dockerfile of sidecars chooses no engine');
  return version;
}

/** The build context of the sidecar's image, as a tar. Its base is `debian:bookworm`; the build needs Debian's packages. */
export function sidecarContext(): Readable {
  const tar = pack();
  const fill = async (): Promise<void> => {
    for (const [name, content] of contents()) tar.entry({ name, mtime: new Date(0) }, content);
    await addNode(tar);
    tar.finalize();
  };
  fill().catch((error: Error) => tar.destroy(error));
  return Readable.from(tar, { objectMode: false });
}

function contents(): (readonly [string, Buffer])[] {
  return [
    ...FILES.map((name) => [name, readFileSync(join(import.meta.dirname, name))] as const),
    ['filter/package.json', Buffer.from('{"type":"module"}\n')],
    ...readdirSync(FILTER)
      .sort()
      .map((name) => [`filter/${name}`, readFileSync(join(FILTER, name))] as const),
  ];
}

/** The one that we run on: it needs only what every Debian has. */
async function addNode(tar: Pack): Promise<void> {
  const { size } = statSync(process.execPath);
  const entry = tar.entry({ name: 'node', mode: 0o755, size, mtime: new Date(0) });
  await pipeline(createReadStream(process.execPath), entry);
}
