import { formatFinding } from '../model/findings.ts';
import type { Finding } from '../model/findings.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { InvalidInput } from '../model/errors.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { ImageDefinition } from '../model/schema/task.ts';
import type { SourceTree } from '../model/source-tree.ts';
import type { ContextFile } from '../model/schema/explanation.ts';
import { findFurther, openBuildContext } from './build-context.ts';
import type { BuildContext } from './build-context.ts';
import type { ContextHashCache } from './context-hash-cache.ts';
import { computeImageHash } from './image-hash.ts';

export interface DescribedImage {
  readonly name: string;
  readonly definition: ImageDefinition;
  /** `bases` holds those that were resolved. */
  readonly inputs: ImageInputs;
  readonly contextHash: string;
  /** null while a base of it or of a parent is not resolved. */
  readonly imageHash: string | null;
  readonly missingBases: string[];
  /** What is in its context; sizes only where it was read just now. Lists the tree if nobody has. */
  files(): Promise<readonly ContextFile[]>;
}

/** `pin`: the recorded resolution counts. `track`: it is resolved anew by each push. */
export type BasePolicy = NonNullable<ImageDefinition['base']>;

export interface DescribeOptions {
  /** For images that name none themselves, for example linux/amd64. */
  readonly platform: string;
  /** Digest of a base image, or undefined when it has no record. */
  readonly resolveBase: (
    platform: string,
    reference: string,
    policy: BasePolicy,
  ) => Promise<string | undefined>;
  readonly cache?: ContextHashCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type ImageFinding = Finding & { readonly imageName: string };

/**
 * Computes the hashes of the needed images and of all their parents, parents first. An image with mistakes is in the findings
 * instead, where warnings are too; its children are described without a hash. Names that are not defined and cycles are the plan's to report.
 */
export async function describeImages(
  tree: SourceTree,
  definitions: Readonly<Record<string, ImageDefinition>>,
  needed: readonly string[],
  options: DescribeOptions,
): Promise<{ images: DescribedImage[]; findings: ImageFinding[] }> {
  const described = new Map<string, DescribedImage>();
  const findings: ImageFinding[] = [];
  const told = new Set<string>();
  // Images of one context have its files in common.
  const tell = (imageName: string, found: readonly Finding[]): void => {
    for (const finding of found) {
      const key = formatFinding(finding);
      if (!told.has(key)) findings.push({ ...finding, imageName });
      told.add(key);
    }
  };
  const imageNames = new Set(Object.keys(definitions));
  const resolved = new Map<string, Promise<string | undefined>>();
  const resolveBase: DescribeOptions['resolveBase'] = async (platform, reference, policy) => {
    const key = `${policy} ${platform} ${reference}`;
    const known = resolved.get(key) ?? options.resolveBase(platform, reference, policy);
    resolved.set(key, known);
    return known;
  };

  for (const name of parentsFirst(definitions, needed)) {
    const definition = definitions[name];
    if (!definition) continue;
    const platform = definition.platform ?? options.platform;
    const image = { parent: definition.parent, imageNames };
    const context = await openOrFind(tree, { name, definition, platform, image }, options);
    if ('findings' in context) {
      tell(name, context.findings);
      continue;
    }
    const remarks = await context.remarks(image);
    tell(name, remarks);
    if (remarks.some(({ severity }) => severity === 'error')) continue;
    const parent = definition.parent === undefined ? null : described.get(definition.parent);
    described.set(name, await describe({ name, definition, platform, context, parent, resolveBase }));
  }
  return { images: [...described.values()], findings };
}

async function openOrFind(
  tree: SourceTree,
  {
    name,
    definition: { context, args = {}, parent },
    platform,
    image,
  }: {
    readonly name: string;
    readonly definition: ImageDefinition;
    readonly platform: string;
    readonly image: Parameters<BuildContext['remarks']>[0];
  },
  { signal, cache }: Pick<DescribeOptions, 'signal' | 'cache'>,
): Promise<BuildContext | { readonly findings: readonly Finding[] }> {
  const definition = { imageName: name, context, args, hasParent: parent !== undefined, platform };
  try {
    return await openBuildContext(tree, definition, { signal, cache });
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'InvalidInput') throw error;
    const { findings: found } = error as InvalidInput;
    return { findings: [...found, ...(await findFurther(tree, { definition, image, found }, signal))] };
  }
}

async function describe(image: {
  readonly name: string;
  readonly definition: ImageDefinition;
  readonly platform: string;
  readonly context: BuildContext;
  /** null: it has none. undefined: it has one that could not be described. */
  readonly parent: DescribedImage | null | undefined;
  readonly resolveBase: DescribeOptions['resolveBase'];
}): Promise<DescribedImage> {
  const { name, definition, platform, context, parent, resolveBase } = image;
  const bases: Record<string, string> = {};
  const missingBases: string[] = [];
  for (const reference of context.bases) {
    const digest = await resolveBase(platform, reference, definition.base ?? 'pin');
    if (digest === undefined) missingBases.push(reference);
    else bases[reference] = digest;
  }
  const { contextHash } = context;
  const parentHash = parent?.imageHash ?? null;
  const inputs = { contextHash, args: definition.args ?? {}, platform, parent: parentHash, bases };
  const known = missingBases.length === 0 && (parent === null || parentHash !== null);
  return {
    name,
    definition,
    inputs,
    contextHash,
    imageHash: known ? computeImageHash(inputs) : null,
    missingBases,
    files: () => context.files(),
  };
}

/** The needed images and their parents, each once, in the order of `needed`. A cycle is cut where it closes. */
function parentsFirst(
  definitions: Readonly<Record<string, ImageDefinition>>,
  needed: readonly string[],
): readonly string[] {
  const ordered = new Set<string>();
  for (const name of needed) {
    const chain: string[] = [];
    let next: string | undefined = name;
    while (next !== undefined && !ordered.has(next) && !chain.includes(next)) {
      chain.push(next);
      next = Object.hasOwn(definitions, next) ? definitions[next]?.parent : undefined;
    }
    for (const image of chain.reverse()) ordered.add(image);
  }
  return [...ordered];
}
