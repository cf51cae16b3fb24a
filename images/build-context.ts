import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InvalidInput } from '../model/errors.ts';
import { comparePaths } from '../model/path-bytes.ts';
import type { ContextFile } from '../model/schema/explanation.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { collectContext, PARENT_PLACEHOLDER } from './collect-context.ts';
import type { CollectedContext, ContextDefinition } from './collect-context.ts';
import type { ContextHashCache } from './context-hash-cache.ts';
import { contextTar } from './context-tar.ts';

export type { ContextDefinition } from './collect-context.ts';

export interface BuildContext {
  /** sha-256, in hex, of the canonical context tar: what taskgraph gives for a checkout of the same tree. */
  readonly contextHash: string;
  /** References of the images from outside that the build needs, sorted. */
  readonly bases: readonly string[];
  /** Its files by name; sizes are known when all of them were read, not when the hash came from a cache. */
  readonly files: readonly ContextFile[];
  /**
   * The hashed bytes. With a parent reference, that name stands in the Dockerfile where the hashed one has PARENT; nothing else
   * differs. May be read any number of times.
   */
  tar(options?: {
    readonly parentReference?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Readable;
}

export interface OpenContextOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hashes that were computed before. Without one every file is read. */
  readonly cache?: ContextHashCache | undefined;
}

/**
 * Opens the build context of an image: its directory, what the Dockerfile includes, and the Dockerfile with its special comments
 * carried out. Contents are streamed, never held.
 * @throws {InvalidInput} with every finding of this context
 */
export async function openBuildContext(
  tree: SourceTree,
  definition: ContextDefinition,
  { signal, cache }: OpenContextOptions = {},
): Promise<BuildContext> {
  const collected = await collectContext(tree, definition, signal);
  if ('findings' in collected) throw new InvalidInput(collected.findings);

  const { files, bases, dockerfile } = collected;
  const text = dockerfile(PARENT_PLACEHOLDER);
  const known = await cache?.find(files, text);
  const sizes = new Map<string, number>();
  const contextHash = known ?? (await hashOf(tree, { files, dockerfile: text, sizes, signal }));
  if (known === undefined) await cache?.keep(files, text, contextHash);
  return {
    contextHash,
    bases,
    files: listFiles(collected, sizes),
    tar: (options = {}) =>
      Readable.from(
        contextTar(tree, {
          files,
          dockerfile: dockerfile(options.parentReference ?? PARENT_PLACEHOLDER),
          signal: options.signal,
        }),
        { objectMode: false },
      ),
  };
}

async function hashOf(
  tree: SourceTree,
  {
    sizes,
    ...content
  }: Pick<CollectedContext, 'files'> & {
    readonly dockerfile: string;
    readonly sizes: Map<string, number>;
    readonly signal: AbortSignal | undefined;
  },
): Promise<string> {
  const hash = createHash('sha256');
  const onFile = (name: string, sizeBytes: number): void => void sizes.set(name, sizeBytes);
  for await (const bytes of contextTar(tree, { ...content, onFile })) hash.update(bytes);
  return hash.digest('hex');
}

function listFiles({ files, links }: CollectedContext, sizes: ReadonlyMap<string, number>): ContextFile[] {
  return [...files]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([name, { path, kind, objectId }]) => {
      const link = links.get(name);
      const sizeBytes = sizes.get(name);
      return {
        name,
        path,
        objectId,
        ...(kind === 'executable' ? { executable: true } : {}),
        ...(link === undefined ? {} : { link }),
        ...(sizeBytes === undefined ? {} : { sizeBytes }),
      };
    });
}
