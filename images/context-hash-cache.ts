import { createHash } from 'node:crypto';
import { comparePaths } from '../model/path-bytes.ts';
import type { SourceTree, TreeEntry } from '../model/source-tree.ts';
import type { CollectedContext } from './collect-context.ts';
import { TAR } from './context-tar.ts';
import type { KeptTextsOptions } from './kept-texts.ts';
import { KeptTexts } from './kept-texts.ts';
import type { OpenedDockerfile } from './open-dockerfile.ts';
import { createUnchangedContexts } from './unchanged-contexts.ts';

export interface UnchangedContext {
  readonly contextHash: string;
  readonly leftOut: readonly string[];
}

/** Context hashes that were computed before, by everything that they depend on. */
export interface ContextHashCache {
  /** By names, modes and ids of all files, which have to be listed for that. */
  find(files: ReadonlyMap<string, TreeEntry>, dockerfile: string): Promise<string | undefined>;
  keep(files: ReadonlyMap<string, TreeEntry>, dockerfile: string, contextHash: string): Promise<void>;
  /** By the ids of directories, without a look at what is in them. */
  findUnchanged(
    tree: SourceTree,
    opened: OpenedDockerfile,
    signal?: AbortSignal,
  ): Promise<UnchangedContext | undefined>;
  keepUnchanged(
    tree: SourceTree,
    opened: OpenedDockerfile,
    found: Pick<CollectedContext, 'looked'> & UnchangedContext,
  ): Promise<void>;
}

const KEPT = 10_000;
const HASH = /^[0-9a-f]{64}$/;

/**
 * A cache in a directory that any number of processes may share; losing it costs time only. What it knows of a context is
 * version control's ids of the contents or directories, and the Dockerfile as it is built: equal ones give an equal tar.
 */
export function createContextHashCache(
  directory: string,
  { kept = KEPT, stateDirectory }: Partial<KeptTextsOptions> = {},
): ContextHashCache {
  const texts = new KeptTexts(directory, { kept, stateDirectory });
  return {
    ...createUnchangedContexts(texts),

    async find(files, dockerfile) {
      const hash = await texts.find(keyOf(files, dockerfile));
      return hash !== undefined && HASH.test(hash) ? hash : undefined;
    },

    async keep(files, dockerfile, contextHash) {
      await texts.keep(keyOf(files, dockerfile), contextHash);
    },
  };
}

function keyOf(files: ReadonlyMap<string, TreeEntry>, dockerfile: string): string {
  const hash = createHash('sha256').update(JSON.stringify([TAR, dockerfile]));
  for (const [name, { kind, objectId }] of [...files].sort(([a], [b]) => comparePaths(a, b)))
    hash.update(JSON.stringify([name, kind, objectId]));
  return hash.digest('hex');
}
