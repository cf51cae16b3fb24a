import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { decodeUtf8, notUtf8 } from '../model/decode-utf8.ts';
import { InvalidInput } from '../model/errors.ts';
import type { Finding } from '../model/findings.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { findBases, NO_BASES } from './dockerfile.ts';
import type { BaseUse, DockerfileBases } from './dockerfile.ts';
import { renameBases } from './rename-bases.ts';
import { forFrontendOf } from './syntax-directive.ts';
import { expandSpecialComments } from './special-comments.ts';
import type { ExpandedDockerfile, Include, Problem } from './special-comments.ts';
import { TreeIndex } from './tree-index.ts';

/** A parser's work grows with the text, and the text is anybody's. */
const MAX_DOCKERFILE_BYTES = 1024 * 1024;
export const PARENT_ARG = 'DOCKER_IMAGE_PARENT';
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

export interface OpenedDockerfile {
  /** Of the context, without links in it. */
  readonly directory: string;
  /** Of the Dockerfile, as findings name it. */
  readonly path: string;
  readonly includes: readonly Include[];
  readonly bases: readonly string[];
  /** Mistakes in it; what it includes was not looked at. */
  readonly findings: readonly Finding[];
  /** What else may be said of it. */
  readonly written: WrittenDockerfile;
  /**
   * With its special comments carried out, this name for the parent, and what a build wants. @throws {InvalidInput} where that is
   * too long, or a base cannot be given its name
   */
  text(parentReference: string, forBuild?: DockerfileForBuild): string;
}

/** What differs in the Dockerfile that is built from the one that is hashed. */
export interface DockerfileForBuild {
  /** Names of bases in the engine. */
  readonly baseNames?: ReadonlyMap<string, string> | undefined;
  /** Of the engine that builds: what its own frontend does is not fetched as a `# syntax=`. */
  readonly engineVersion?: string | undefined;
}

export interface WrittenDockerfile {
  /** As it is in the tree. */
  readonly text: string;
  /** With its special comments carried out. */
  readonly expanded: string;
  readonly found: DockerfileBases;
  /** The line of the Dockerfile that a line of `expanded` was. */
  lineOf(line: number): number;
}

/** What stands for the parent image in the hashed Dockerfile. */
export const PARENT_PLACEHOLDER = 'PARENT';

/** Reads the Dockerfile of a context, and nothing else of it but the links on the way there. */
export async function openDockerfile(
  tree: SourceTree,
  definition: ContextDefinition,
  signal?: AbortSignal,
): Promise<OpenedDockerfile | { readonly finding: Finding }> {
  const read = await readDockerfile(tree, definition, signal);
  if ('finding' in read) return read;
  const { directory, path, text } = read;
  const { args, hasParent, platform } = definition;
  const expand = (parent: string): ExpandedDockerfile =>
    expandSpecialComments(text, hasParent ? { ...args, [PARENT_ARG]: parent } : args);

  const expanded = expand(PARENT_PLACEHOLDER);
  const marked = expand(PARENT_MARK);
  const refused = [expanded, marked].find(({ isRefused }) => isRefused);
  const found = refused
    ? NO_BASES
    : findBases(marked.text, { args, platform, parentReference: hasParent ? PARENT_MARK : undefined });
  const lineOf = (line: number): number => marked.lines[line - 1] ?? line;
  const asFinding = (problem: Problem): Finding => ({ severity: 'error', file: path, ...problem });
  const findings = [
    ...(refused ?? expanded).problems,
    ...found.problems.map((problem) => ({ ...problem, line: lineOf(problem.line) })),
  ].map(asFinding);
  return {
    directory,
    path,
    includes: expanded.includes,
    bases: found.bases,
    findings,
    written: { text, expanded: marked.text, found, lineOf },
    text: (parent, { baseNames, engineVersion } = {}) => {
      const {
        text: asHashed,
        isRefused,
        problems,
      } = parent === PARENT_PLACEHOLDER ? expanded : expand(parent);
      // A parent's real name may be just too long where the one that is hashed was not.
      if (isRefused) throw new InvalidInput(problems.map(asFinding));
      const text = engineVersion === undefined ? asHashed : forFrontendOf(asHashed, engineVersion);
      if (!baseNames) return text;
      const bases = { args, platform, parentReference: hasParent ? parent : undefined };
      const renamed = renameBases(text, baseNames, bases);
      const { unnamed } = renamed;
      if (unnamed.length > 0)
        throw new InvalidInput(unnamed.map((use) => asFinding({ ...hidden(use), line: lineOf(use.line) })));
      return renamed.text;
    },
  };
}

function hidden({ reference, line, column }: BaseUse): Problem {
  return {
    line,
    column,
    message: `"${reference}" is written with escapes or ends of lines in it`,
    hint: 'write it as it is after "from="',
  };
}

interface DockerfileText extends Pick<OpenedDockerfile, 'directory' | 'path'> {
  readonly text: string;
}

async function readDockerfile(
  tree: SourceTree,
  { imageName, context }: ContextDefinition,
  signal?: AbortSignal,
): Promise<DockerfileText | { readonly finding: Finding }> {
  const index = new TreeIndex(tree, { signal });
  const wrong = (
    place: Pick<Finding, 'file' | 'line' | 'column'>,
    message: string,
    hint: string,
  ): { finding: Finding } => ({
    finding: { severity: 'error', ...place, message: `image "${imageName}": ${message}`, hint },
  });

  const wanted = posix.normalize(context).replace(/(?<=.)\/$/, '');
  if (wanted.startsWith('/') || /^\.\.(\/|$)/.test(wanted))
    return wrong(
      DEFINITION,
      `context "${context}" is outside the tree`,
      'write a path from the root of the repository',
    );
  const directory = await index.resolve(wanted);
  if (directory.kind === 'file')
    return wrong(
      DEFINITION,
      `context "${context}" is a file`,
      'name the directory that holds the Dockerfile',
    );
  const submodule = await index.submoduleOn(wanted);
  if (submodule !== undefined)
    return wrong(
      DEFINITION,
      `context "${context}" is ${submodule === wanted ? 'a submodule' : `in the submodule "${submodule}"`}`,
      'keep the context in this repository: files of another one do not count',
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
  const found = await index.resolve(path);
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
    const text = decodeUtf8(await buffer(body));
    const { message, hint } = notUtf8('the Dockerfile');
    if (text === undefined) return wrong(start, message, hint);
    return { directory: directory.path, path, text };
  }
  return wrong(start, 'the Dockerfile cannot be read', 'commit it again');
}
