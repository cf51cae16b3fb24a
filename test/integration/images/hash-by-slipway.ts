import { openBuildContext } from '../../../images/build-context.ts';
import { describeImages } from '../../../images/describe-images.ts';
import { isSlipwayError } from '../../../model/errors.ts';
import type { InvalidInput } from '../../../model/errors.ts';
import { formatFinding } from '../../../model/findings.ts';
import type { SourceTree } from '../../../model/source-tree.ts';
import type { ContextCase } from './context-case.ts';

export type SlipwayAnswer = { readonly contextHash: string } | { readonly findings: readonly string[] };

/** What we say of a context, as it is known for a tree. */
export async function hashBySlipway(tree: SourceTree, asked: ContextCase): Promise<SlipwayAnswer> {
  const { context = 'ctx', args = {}, hasParent = false, isDescribed = false } = asked;
  if (isDescribed) return describe(tree, { context, args });
  try {
    const { contextHash } = await openBuildContext(tree, { imageName: 'x', context, args, hasParent });
    return { contextHash };
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'InvalidInput') throw error;
    return { findings: (error as InvalidInput).findings.map(formatFinding) };
  }
}

async function describe(
  tree: SourceTree,
  definition: { readonly context: string; readonly args: Readonly<Record<string, string>> },
): Promise<SlipwayAnswer> {
  const { images, findings } = await describeImages(tree, { x: { ...definition } }, ['x'], {
    platform: 'linux/amd64',
    resolveBase: () => Promise.resolve(undefined),
  });
  return images[0] ?? { findings: findings.map(formatFinding) };
}
