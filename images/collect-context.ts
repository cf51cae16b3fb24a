import { isUtf8 } from 'node:buffer';
import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Finding } from '../model/findings.ts';
import type { SourceTree, TreeEntry } from '../model/source-tree.ts';
import { ContextFiles } from './context-files.ts';
import { findBases } from './dockerfile.ts';
import { expandSpecialComments } from './special-comments.ts';
import type { ExpandedDockerfile, Problem } from './special-comments.ts';
import { indexTree } from './tree-index.ts';
import type { TreeIndex } from './tree-index.ts';

/** A parser's work grows with the text, and the text is anybody's. */
const MAX_DOCKERFILE_BYTES = 1024 * 1024;
const PARENT_ARG = 'DOCKER_IMAGE_PARENT';
/** Stands for the parent while bases are looked for: no image has this name. */
const PARENT_MARK = 'slipway.invalid/parent';
/** Where the caller says which image it is about: only it knows where that stands in slipway.yml. */
const DEFINITION = { file: 'slipway.yml', line: 1, column: 1 } as const;

export interface ContextDefinition {
  readonly imageName: string;
  /** A directory of the tree with a Dockerfile. */
  readonly context: string;
  readonly args: Readonly<Record<string, string>>;
  readonly hasParent: boolean;
  /** For `$TARGETARCH` and its like in FROM. */
  readonly platform?: string | undefined;
}

export interface CollectedContext {
  /** Name in the context to the file of the tree that stands there. */
  readonly files: ReadonlyMap<string, TreeEntry>;
  /** Names of files that were reached by a link, with the link's path in the tree. */
  readonly links: ReadonlyMap<string, string>;
  readonly bases: readonly string[];
  /** The Dockerfile with its special comments carried out and this name for the parent. */
  dockerfile(parentReference: string): string;
}

/** Finds what belongs to a build context, or every mistake in it. Only the Dockerfile and links are read. */
export async function collectContext(
  tree: SourceTree,
  definition: ContextDefinition,
  signal?: AbortSignal,
): Promise<CollectedContext | { readonly findings: readonly Finding[] }> {
  const index = await indexTree(tree, signal);
  const opened = await openDockerfile(tree, index, { definition, signal });
  if ('finding' in opened) return { findings: [opened.finding] };
  const { directory, path, text } = opened;

  const expand = (parent: string): ExpandedDockerfile =>
    expandSpecialComments(
      text,
      definition.hasParent ? { ...definition.args, [PARENT_ARG]: parent } : definition.args,
    );
  const expanded = expand(PARENT_PLACEHOLDER);
  const context = new ContextFiles(index, signal);
  await context.addDirectory(directory, (name) => name);
  for (const include of expanded.includes) await context.addInclude(include, path);

  const marked = expand(PARENT_MARK);
  const { bases, problems } = findBases(marked.text, {
    args: definition.args,
    platform: definition.platform,
    parentReference: definition.hasParent ? PARENT_MARK : undefined,
  });
  const lineOf = (line: number): number => marked.lines[line - 1] ?? line;
  const inDockerfile = [
    ...expanded.problems,
    ...problems.map((problem) => ({ ...problem, line: lineOf(problem.line) })),
  ].map((problem: Problem): Finding => ({ severity: 'error', file: path, ...problem }));
  const findings = [...context.findings, ...inDockerfile];
  if (findings.length > 0) return { findings: findings.sort(byPlace) };
  return { files: context.files, links: context.links, bases, dockerfile: (parent) => expand(parent).text };
}

/** What stands for the parent image in the hashed Dockerfile. */
export const PARENT_PLACEHOLDER = 'PARENT';

interface OpenedDockerfile {
  /** Of the context, without links in it. */
  readonly directory: string;
  readonly path: string;
  readonly text: string;
}

async function openDockerfile(
  tree: SourceTree,
  index: TreeIndex,
  options: { readonly definition: ContextDefinition; readonly signal?: AbortSignal | undefined },
): Promise<OpenedDockerfile | { readonly finding: Finding }> {
  const { definition, signal } = options;
  const { imageName, context } = definition;
  const wrong = (
    place: Pick<Finding, 'file' | 'line' | 'column'>,
    message: string,
    hint: string,
  ): { finding: Finding } => ({
    finding: { severity: 'error', ...place, message: `image "${imageName}": ${message}`, hint },
  });

  const wanted = posix.normalize(context);
  if (wanted.startsWith('/') || /^\.\.(\/|$)/.test(wanted))
    return wrong(
      DEFINITION,
      `context "${context}" is outside the tree`,
      'write a path from the root of the repository',
    );
  const directory = await index.resolve(wanted, signal);
  if (directory.kind === 'file')
    return wrong(
      DEFINITION,
      `context "${context}" is a file`,
      'name the directory that holds the Dockerfile',
    );
  if (directory.kind === 'missing')
    return wrong(DEFINITION, `context "${context}" does not exist in the tree`, 'only committed files count');
  if (directory.kind !== 'directory')
    return wrong(
      DEFINITION,
      `context "${context}" is a symbolic link out of the tree`,
      'name a directory of the tree',
    );

  const path = posix.join(directory.path, 'Dockerfile');
  const found = await index.resolve(path, signal);
  if (found.kind === 'missing')
    return wrong(
      DEFINITION,
      `context "${context}" has no Dockerfile`,
      `add ${path}; only committed files count`,
    );
  if (found.kind !== 'file')
    return wrong(DEFINITION, `"${path}" is not a file of the tree`, 'commit the Dockerfile itself');
  const start = { file: path, line: 1, column: 1 };
  for await (const { sizeBytes, body } of tree.readMany([found.entry], signal)) {
    if (sizeBytes > MAX_DOCKERFILE_BYTES)
      return wrong(
        start,
        `the Dockerfile has ${sizeBytes} bytes`,
        `at most ${MAX_DOCKERFILE_BYTES} are read`,
      );
    const bytes = await buffer(body);
    if (!isUtf8(bytes)) return wrong(start, 'the Dockerfile is not UTF-8', 'save it as UTF-8');
    return { directory: directory.path, path, text: bytes.toString('utf8') };
  }
  return wrong(start, 'the Dockerfile cannot be read', 'commit it again');
}

function byPlace(a: Finding, b: Finding): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column;
}
