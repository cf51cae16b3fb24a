import type { Finding } from '../model/findings.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { checkInstructions } from './check-instructions.ts';
import { checkOperands } from './check-operands.ts';
import { checkSecrets } from './check-secrets.ts';
import { checkSources } from './check-sources.ts';
import { checkSpecialComments } from './check-special-comments.ts';
import { checkStages } from './check-stages.ts';
import type { ImageOfStages } from './check-stages.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import { PARENT_ARG } from './open-dockerfile.ts';
import type { OpenedDockerfile } from './open-dockerfile.ts';
import type { Remark } from './remark.ts';
import { checkSyntax } from './syntax-directive.ts';
import { TreeIndex } from './tree-index.ts';

export type RemarkedImage = Omit<ImageOfStages, 'mentionsParent'>;

/** Instructions of other syntaxes are another program's to judge. */
const OWN_SYNTAX = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/;
const MENTIONS_PARENT = new RegExp(`^[^#\\n]*\\$\\{?${PARENT_ARG}\\b`, 'm');

/**
 * Says of a Dockerfile that can be hashed what an engine would refuse, or would carry out otherwise than it is meant. No hash
 * depends on this.
 */
export async function remarkOnDockerfile(
  tree: SourceTree,
  { directory, path, includes, written }: OpenedDockerfile,
  image: RemarkedImage,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const outline = outlineDockerfile(written.expanded);
  const ofSyntax = checkSyntax(written.expanded);
  const inOwnSyntax = outline.syntax === undefined || OWN_SYNTAX.test(outline.syntax);
  const mentionsParent = MENTIONS_PARENT.test(written.text);
  const context = { directory, includes: includes.map((include) => include.path) };
  const ofInstructions = async (): Promise<Remark[]> => [
    ...checkInstructions(outline),
    ...checkOperands(outline),
    ...checkSecrets(outline),
    ...checkStages(written.found, { ...image, mentionsParent }),
    ...(await checkSources(outline, context, new TreeIndex(tree, { signal }))),
  ];
  const inExpanded = [...ofSyntax, ...(inOwnSyntax ? await ofInstructions() : [])];
  const remarks = [
    ...inExpanded.map((remark) => ({ ...remark, line: written.lineOf(remark.line) })),
    ...(inOwnSyntax ? checkSpecialComments(written.text) : []),
  ];
  return remarks
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map((remark) => ({ file: path, ...remark }));
}
