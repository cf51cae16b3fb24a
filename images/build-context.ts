import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InvalidInput } from '../model/errors.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { collectContext, PARENT_PLACEHOLDER } from './collect-context.ts';
import type { ContextDefinition } from './collect-context.ts';
import { contextTar } from './context-tar.ts';

export type { ContextDefinition } from './collect-context.ts';

export interface BuildContext {
  /** sha-256, in hex, of the canonical context tar: what taskgraph gives for a checkout of the same tree. */
  readonly contextHash: string;
  /** References of the images from outside that the build needs, sorted. */
  readonly bases: readonly string[];
  /**
   * The hashed bytes. With a parent reference, that name stands in the Dockerfile where the hashed one has PARENT; nothing else
   * differs. May be read any number of times.
   */
  tar(options?: {
    readonly parentReference?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Readable;
}

/**
 * Opens the build context of an image: its directory, what the Dockerfile includes, and the Dockerfile with its special comments
 * carried out. Contents are streamed, never held.
 * @throws {InvalidInput} with every finding of this context
 */
export async function openBuildContext(
  tree: SourceTree,
  definition: ContextDefinition,
  signal?: AbortSignal,
): Promise<BuildContext> {
  const collected = await collectContext(tree, definition, signal);
  if ('findings' in collected) throw new InvalidInput(collected.findings);

  const { files, bases, dockerfile } = collected;
  const hash = createHash('sha256');
  for await (const bytes of contextTar(tree, { files, dockerfile: dockerfile(PARENT_PLACEHOLDER), signal }))
    hash.update(bytes);
  return {
    contextHash: hash.digest('hex'),
    bases,
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
