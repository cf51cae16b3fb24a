import type { ContextFile, FileChange } from '../model/schema/explanation.ts';
import { INCLUDES } from './context-files.ts';

/** Names every file in which two contexts differ, in the order of their names. */
export function compareContexts(
  before: readonly ContextFile[],
  after: readonly ContextFile[],
): readonly FileChange[] {
  const old = new Map(before.map((file) => [file.name, file]));
  const fresh = new Map(after.map((file) => [file.name, file]));
  const names = [...new Set([...fresh.keys(), ...old.keys()])];
  return names
    .flatMap((name) => compareFiles(old.get(name), fresh.get(name)))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function compareFiles(before: ContextFile | undefined, after: ContextFile | undefined): FileChange[] {
  const file = after ?? before;
  const what = whatChanged(before, after);
  if (!file || !what) return [];
  const isIncluded = file.name.startsWith(`${INCLUDES}/`);
  return [
    {
      what,
      path: file.link ?? file.path,
      ...(isIncluded ? {} : { inContext: file.name }),
      ...(before ? { before: sideOf(before) } : {}),
      ...(after ? { after: sideOf(after) } : {}),
    },
  ];
}

function whatChanged(
  before: ContextFile | undefined,
  after: ContextFile | undefined,
): FileChange['what'] | undefined {
  if (!before) return after && 'added';
  if (!after) return 'removed';
  const isLink = before.link !== undefined || after.link !== undefined;
  // The Dockerfile's mode never reaches the context.
  const modeDiffers = before.name !== 'Dockerfile' && before.executable !== after.executable;
  const differs = before.objectId !== after.objectId || modeDiffers;
  // Where a link leads counts only as far as another content comes of it.
  if (differs && isLink && before.path !== after.path) return 'link';
  if (before.objectId !== after.objectId) return 'changed';
  return differs ? 'mode' : undefined;
}

function sideOf({ executable, objectId, sizeBytes, path }: ContextFile): NonNullable<FileChange['before']> {
  return {
    objectId,
    path,
    ...(executable ? { executable } : {}),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}
