import { tarEnd, tarHeader, tarPadding } from '../model/gnu-tar.ts';
import { comparePaths, encodePath } from '../model/path-bytes.ts';
import type { SourceTree, TreeEntry } from '../model/source-tree.ts';

export interface ContextContent {
  /** Names in the context and what stands there; a link is given as the file it leads to. */
  readonly files: ReadonlyMap<string, TreeEntry>;
  readonly dockerfile: string;
  /** Told the size of each file as it passes. */
  readonly onFile?: ((name: string, sizeBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Raised when other bytes come of the same files: hashes that are known do not count then. */
export const TAR = 1;
const DOCKERFILE = 'Dockerfile';
/** 2016-01-01T00:00:00Z, as taskgraph has it. */
const MTIME_SECONDS = 1_451_606_400;

/**
 * The bytes of the canonical context tar: regular files only, sorted by name, modes as git checks out under umask 022.
 * The context hash is the hash of these bytes, so every change here builds every image of everybody again.
 */
export async function* contextTar(tree: SourceTree, content: ContextContent): AsyncGenerator<Buffer, void> {
  const { files, dockerfile, onFile, signal } = content;
  let writtenBytes = 0;
  const count = (bytes: Buffer): Buffer => {
    writtenBytes += bytes.length;
    return bytes;
  };
  const whole = (name: string, bytes: Buffer): Buffer =>
    count(Buffer.concat([header(name, 0o644, bytes.length), bytes, tarPadding(bytes.length)]));

  const sorted = [...files].filter(([name]) => name !== DOCKERFILE).sort(([a], [b]) => comparePaths(a, b));
  const names = sorted.map(([name]) => name);
  let written = false;
  let index = 0;
  for await (const { entry, sizeBytes, body } of tree.readMany(
    sorted.map(([, entry]) => entry),
    signal,
  )) {
    const name = names[index++] ?? '';
    if (!written && comparePaths(DOCKERFILE, name) < 0) {
      yield whole(DOCKERFILE, Buffer.from(dockerfile, 'utf8'));
      written = true;
    }
    onFile?.(name, sizeBytes);
    yield count(header(name, entry.kind === 'executable' ? 0o755 : 0o644, sizeBytes));
    for await (const chunk of body) yield count(chunk as Buffer);
    yield count(tarPadding(sizeBytes));
  }
  if (!written) yield whole(DOCKERFILE, Buffer.from(dockerfile, 'utf8'));
  yield tarEnd(writtenBytes);
}

function header(name: string, mode: number, sizeBytes: number): Buffer {
  return tarHeader({ name: encodePath(name), mode, sizeBytes, mtimeSeconds: MTIME_SECONDS, type: 'file' });
}
