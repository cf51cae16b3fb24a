import { isUtf8 } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import type { StructuredPatch } from 'diff';
import { formatPatch, structuredPatch } from 'diff';
import type { FileChange } from '../model/schema/explanation.ts';
import type { SourceTree } from '../model/source-tree.ts';

/** Larger files are named, not compared: nobody would read that, and every push would pay for it. */
const MAX_BYTES = 256 * 1024;
/** Lines that came or went beyond which two files have little in common. */
const MAX_EDITS = 2_000;

type Content = Pick<SourceTree, 'readMany'>;

/** Says of a changed file which lines came and went, as far as both contents can be read from one of the trees. */
export async function countLines(
  trees: readonly Content[],
  change: FileChange,
  signal?: AbortSignal,
): Promise<FileChange> {
  const sides = await readSides(trees, change, signal);
  if (!sides) return change;
  const { before, after } = sides;
  const sized: FileChange = {
    ...change,
    before: change.before && { ...change.before, sizeBytes: before.length },
    after: change.after && { ...change.after, sizeBytes: after.length },
  };
  if (!isText(before) || !isText(after)) return { ...sized, binary: true };
  const hunks = patchOf(change, before, after, 0)?.hunks;
  if (!hunks?.[0]) return sized;
  const lines = hunks.flatMap((hunk) => hunk.lines);
  return {
    ...sized,
    line: Math.max(1, hunks[0].newStart),
    added: lines.filter((line) => line.startsWith('+')).length,
    removed: lines.filter((line) => line.startsWith('-')).length,
  };
}

/** The unified diff of a changed text file; undefined for others, and where its contents cannot be had. */
export async function unifiedDiff(
  trees: readonly Content[],
  change: FileChange,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const sides = await readSides(trees, change, signal);
  if (!sides || !isText(sides.before) || !isText(sides.after)) return undefined;
  const patch = patchOf(change, sides.before, sides.after, 3);
  if (!patch || patch.hunks.length === 0) return undefined;
  // Without the line of `=` that jsdiff puts first: as git shows it.
  return formatPatch(patch).replace(/^=+\n/, '').trimEnd();
}

interface Sides {
  readonly before: Buffer;
  readonly after: Buffer;
}

async function readSides(
  trees: readonly Content[],
  { before, after }: FileChange,
  signal?: AbortSignal,
): Promise<Sides | undefined> {
  const old = before ? await readSmall(trees, before, signal) : Buffer.alloc(0);
  if (!old) return undefined;
  const fresh = after ? await readSmall(trees, after, signal) : Buffer.alloc(0);
  return fresh && { before: old, after: fresh };
}

async function readSmall(
  trees: readonly Content[],
  { objectId, path, sizeBytes = 0 }: NonNullable<FileChange['before']>,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  if (sizeBytes > MAX_BYTES) return undefined;
  for (const tree of trees) {
    try {
      for await (const content of tree.readMany([{ path, kind: 'file', objectId }], signal)) {
        if (content.sizeBytes > MAX_BYTES) return undefined;
        return await buffer(content.body);
      }
    } catch {
      // Not every repository has every content: another one may, and without it the file is named all the same.
      signal?.throwIfAborted();
    }
  }
  return undefined;
}

function patchOf(
  { path, before, after }: FileChange,
  from: Buffer,
  to: Buffer,
  context: number,
): StructuredPatch | undefined {
  return structuredPatch(
    before ? `a/${path}` : '/dev/null',
    after ? `b/${path}` : '/dev/null',
    from.toString('utf8'),
    to.toString('utf8'),
    undefined,
    undefined,
    { context, maxEditLength: MAX_EDITS },
  );
}

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}
