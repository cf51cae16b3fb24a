import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InvalidInput } from '../model/errors.ts';
import type { Finding } from '../model/findings.ts';
import { comparePaths } from '../model/path-bytes.ts';
import type { ContextFile } from '../model/schema/explanation.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { findCacheMounts } from './cache-mounts.ts';
import type { DockerfileMounts } from './cache-mounts.ts';
import { collectContext } from './collect-context.ts';
import type { CollectedContext } from './collect-context.ts';
import type { ContextHashCache, UnchangedContext } from './context-hash-cache.ts';
import { contextTar } from './context-tar.ts';
import { openDockerfile, PARENT_PLACEHOLDER } from './open-dockerfile.ts';
import type { ContextDefinition, DockerfileForBuild, OpenedDockerfile } from './open-dockerfile.ts';
import { LEFT_OUT_KEPT, remarkOnContext } from './remark-on-context.ts';
import { remarkOnDockerfile } from './remark-on-dockerfile.ts';
import type { RemarkedImage } from './remark-on-dockerfile.ts';
import { findLastGround } from './stage-grounds.ts';
import { unknownTo } from './syntax-directive.ts';

export type { ContextDefinition } from './open-dockerfile.ts';

export interface BuildContext {
  /** sha-256, in hex, of the canonical context tar: what taskgraph gives for a checkout of the same tree. */
  readonly contextHash: string;
  /** References of the images from outside that the build needs, sorted. */
  readonly bases: readonly string[];
  /** The cache mounts of its Dockerfile, with that name for the parent. */
  cacheMounts(options: {
    readonly platform: string;
    readonly parentReference?: string | undefined;
  }): DockerfileMounts;
  /** The image under the last stage, with that name for the parent; undefined for `scratch`. */
  lastGround(options: {
    readonly platform: string;
    readonly parentReference?: string | undefined;
  }): string | undefined;
  /**
   * What of its Dockerfile an engine of a version may not know, and no `# syntax=` line brings: flags such as `COPY --link`, and
   * `here-documents`.
   */
  unknownTo(engineVersion: string): readonly string[];
  /** What an engine would refuse in its Dockerfile, or carry out otherwise than it is meant, in the order of its lines; then what is left out. */
  remarks(image: Omit<RemarkedImage, 'imageName'>): Promise<readonly Finding[]>;
  /** Its files by name; sizes are known when all of them were read, not when the hash came from a cache. */
  files(): Promise<readonly ContextFile[]>;
  /**
   * The hashed bytes. With a parent reference, that name stands in the Dockerfile where the hashed one has PARENT, and bases stand
   * there by names that they are given, or without a `# syntax=` line that the engine need not fetch; nothing else differs. May be
   * read any number of times.
   */
  tar(
    options?: DockerfileForBuild & {
      readonly parentReference?: string | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Readable;
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
  const opened = await openDockerfile(tree, definition, signal);
  if ('finding' in opened) throw new InvalidInput([opened.finding]);
  const sizes = new Map<string, number>();
  let collecting: Promise<CollectedContext> | undefined;
  const collect = (): Promise<CollectedContext> =>
    (collecting ??= collectFaultless(tree, opened, signal).catch((error: unknown) => {
      collecting = undefined;
      throw error;
    }));
  const { contextHash, leftOut } =
    (opened.findings.length === 0 ? await cache?.findUnchanged(tree, opened, signal) : undefined) ??
    (await computeHash(tree, opened, { collected: await collect(), sizes, cache, signal }));
  return {
    contextHash,
    bases: opened.bases,
    cacheMounts: ({ platform, parentReference }) =>
      findCacheMounts(opened.text(parentReference ?? PARENT_PLACEHOLDER), {
        args: definition.args,
        platform,
        parentReference,
      }),
    lastGround: ({ platform, parentReference }) =>
      findLastGround(opened.text(parentReference ?? PARENT_PLACEHOLDER), {
        args: definition.args,
        platform,
        parentReference,
      }),
    unknownTo: (engineVersion) => unknownTo(opened.written.expanded, engineVersion),
    remarks: async (image) => [
      ...(await remarkOnDockerfile(tree, opened, { imageName: definition.imageName, ...image }, signal)),
      ...(await remarkOnContext(tree, { directory: opened.directory, leftOut }, signal)),
    ],
    files: async () => listFiles(await collect(), sizes),
    tar: (options = {}) =>
      Readable.from(
        tarOf(tree, collect, {
          dockerfile: opened.text(options.parentReference ?? PARENT_PLACEHOLDER, options),
          signal: options.signal,
        }),
        { objectMode: false },
      ),
  };
}

/**
 * Further mistakes in the Dockerfile of a context that was not opened for the mistakes found: those on other lines that an engine
 * would refuse.
 */
export async function findFurther(
  tree: SourceTree,
  {
    definition,
    image,
    found,
  }: {
    readonly definition: ContextDefinition;
    readonly image: Omit<RemarkedImage, 'imageName'>;
    readonly found: readonly Finding[];
  },
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const opened = await openDockerfile(tree, definition, signal);
  if ('finding' in opened || opened.written.expanded === '') return [];
  const told = new Set(found.filter(({ file }) => file === opened.path).map(({ line }) => line));
  const remarks = await remarkOnDockerfile(
    tree,
    opened,
    { imageName: definition.imageName, ...image },
    signal,
  );
  return remarks.filter(({ severity, line }) => severity === 'error' && !told.has(line));
}

/** @throws {InvalidInput} with the Dockerfile's findings too */
async function collectFaultless(
  tree: SourceTree,
  opened: OpenedDockerfile,
  signal?: AbortSignal,
): Promise<CollectedContext> {
  const collected = await collectContext(tree, opened, signal);
  const findings = [...collected.findings, ...opened.findings];
  if (findings.length > 0) throw new InvalidInput(findings.sort(byPlace));
  return collected;
}

async function computeHash(
  tree: SourceTree,
  opened: OpenedDockerfile,
  options: OpenContextOptions & {
    readonly collected: CollectedContext;
    readonly sizes: Map<string, number>;
  },
): Promise<UnchangedContext> {
  const { collected, sizes, cache, signal } = options;
  const { files, looked } = collected;
  const leftOut = collected.leftOut.slice(0, LEFT_OUT_KEPT);
  const dockerfile = opened.text(PARENT_PLACEHOLDER);
  let contextHash = await cache?.find(files, dockerfile);
  if (contextHash === undefined) {
    const hash = createHash('sha256');
    const onFile = (name: string, sizeBytes: number): void => void sizes.set(name, sizeBytes);
    for await (const bytes of contextTar(tree, { files, dockerfile, onFile, signal })) hash.update(bytes);
    contextHash = hash.digest('hex');
    await cache?.keep(files, dockerfile, contextHash);
  }
  await cache?.keepUnchanged(tree, opened, { looked, contextHash, leftOut });
  return { contextHash, leftOut };
}

async function* tarOf(
  tree: SourceTree,
  collect: () => Promise<CollectedContext>,
  content: { readonly dockerfile: string; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer, void> {
  const { files } = await collect();
  yield* contextTar(tree, { files, ...content });
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

function byPlace(a: Finding, b: Finding): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column;
}
