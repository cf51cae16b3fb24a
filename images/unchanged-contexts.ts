import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { SourceTree } from '../model/source-tree.ts';
import type { ContextHashCache } from './context-hash-cache.ts';
import { WALK } from './context-files.ts';
import { TAR } from './context-tar.ts';
import type { KeptTexts } from './kept-texts.ts';
import type { OpenedDockerfile } from './open-dockerfile.ts';
import { PARENT_PLACEHOLDER } from './open-dockerfile.ts';

/** What stood at a path: nothing, something of this kind, or exactly this content or directory. */
const placeSchema = z.tuple([z.string(), z.string(), z.string().nullable()]);
const knownSchema = z.object({
  contextHash: z.string().regex(/^[0-9a-f]{64}$/),
  places: z.array(placeSchema),
  /** Links to directories, and submodules. */
  leftOut: z.array(z.string()),
});

const NOTHING = 'nothing';

/**
 * Answers for a context whose directories are as they were. The Dockerfile has been read and its comments carried out anew; what
 * is saved is to list and read everything else. Links may lead anywhere in the tree, so every place that was looked at counts.
 */
export function createUnchangedContexts(
  texts: KeptTexts,
): Pick<ContextHashCache, 'findUnchanged' | 'keepUnchanged'> {
  return {
    async findUnchanged(tree, opened, signal) {
      const known = parse(await texts.find(await keyOf(tree, opened, signal)));
      if (!known) return undefined;
      for (const [path, kind, objectId] of known.places) {
        const now = await tree.locate(path, signal);
        if ((now?.kind ?? NOTHING) !== kind) return undefined;
        if (objectId !== null && now?.objectId !== objectId) return undefined;
      }
      const { contextHash, leftOut } = known;
      return { contextHash, leftOut };
    },

    async keepUnchanged(tree, opened, { looked, contextHash, leftOut }) {
      const whole = [...looked].filter(([, how]) => how === 'below').map(([path]) => path);
      const places: z.infer<typeof placeSchema>[] = [];
      for (const [path, how] of looked) {
        if (whole.some((directory) => isBelow(path, directory))) continue;
        const found = await tree.locate(path);
        // Of a directory that only lay on the way nothing counts but that it is one.
        const passed = found?.kind === 'directory' && how === 'at';
        places.push([path, found?.kind ?? NOTHING, found && !passed ? found.objectId : null]);
      }
      await texts.keep(await keyOf(tree, opened), JSON.stringify({ contextHash, places, leftOut }));
    },
  };
}

/** The directory's id is in the key, so that branches which differ there do not drive each other out. */
async function keyOf(tree: SourceTree, opened: OpenedDockerfile, signal?: AbortSignal): Promise<string> {
  const { directory, path, includes } = opened;
  const found = await tree.locate(directory, signal);
  const key = [
    'unchanged',
    TAR,
    WALK,
    directory,
    found?.objectId,
    path,
    opened.text(PARENT_PLACEHOLDER),
    includes.map((include) => include.path),
  ];
  return createHash('sha256').update(JSON.stringify(key)).digest('hex');
}

function parse(text: string | undefined): z.infer<typeof knownSchema> | undefined {
  if (text === undefined) return undefined;
  try {
    return knownSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whether a path lies within a directory, at whatever depth; the root holds everything. */
function isBelow(path: string, directory: string): boolean {
  return path !== directory && (directory === '' || path.startsWith(`${directory}/`));
}
