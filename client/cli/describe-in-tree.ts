import type { DescribedImage } from '../../images/describe-images.ts';
import type { Finding } from '../../model/findings.ts';
import type { Printed } from '../../plan/join-printed.ts';
import type { ResolvedProject } from '../../steps/resolve-project.ts';
import type { FoundStore } from './find-store.ts';
import type { OpenRevision, RevisionArgs } from './open-revision.ts';
import type { PlatformArgs } from './platform-of-images.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

export interface InTreeArgs extends RevisionArgs, PlatformArgs {
  readonly project?: string | undefined;
}

export interface InTreeImages {
  readonly opened: OpenRevision;
  /** The project and level that a push of it would have. */
  readonly owner: ResolvedProject;
  /** Those that were named and all their parents, parents first. */
  readonly images: readonly DescribedImage[];
}

/**
 * In-tree images as a revision, or the working tree, defines them, with the hashes that a push would find, unless another
 * platform is asked for. Says on stderr what
 * is not committed and every finding; undefined when one of them is an error. @throws {UsageError} when there is no slipway.yml.
 */
export async function describeInTree(
  args: InTreeArgs,
  names: readonly string[],
  found: FoundStore,
  session: Session,
): Promise<InTreeImages | undefined> {
  const opened = await openInTree(args, session);
  return describeOpened(opened, args, { names, found, session });
}

/** The revision, or the working tree; says on stderr what is not committed. */
export async function openInTree(args: RevisionArgs, session: Session): Promise<OpenRevision> {
  const [{ openRevision }, { warnDirty }] = await Promise.all([
    import('./open-revision.ts'),
    import('./warn-dirty.ts'),
  ]);
  const opened = await openRevision(args, session);
  if (args.worktree !== true) await warnDirty(opened.local, session.terminal);
  return opened;
}

/** {@link describeInTree} of what is open. */
export async function describeOpened(
  opened: OpenRevision,
  args: Pick<InTreeArgs, 'project' | 'platform'>,
  {
    names,
    found,
    session,
  }: { readonly names: readonly string[]; readonly found: FoundStore; readonly session: Session },
): Promise<InTreeImages | undefined> {
  const [{ formatFinding }, { platformOfPushes }] = await Promise.all([
    import('../../model/findings.ts'),
    import('./platform-of-images.ts'),
  ]);
  const owner = await ownerOf(args, opened, found);
  const platform = await platformOfPushes(args, owner.level, found);
  const { images, findings } = await describeImagesOf(opened, names, { found, owner, platform }, session);
  for (const finding of findings) session.terminal.error(formatFinding(finding));
  if (findings.some(({ severity }) => severity === 'error')) return undefined;
  return { opened, owner, images };
}

/** Whose a push of a revision would be. */
export async function ownerOf(
  { project }: Pick<InTreeArgs, 'project'>,
  opened: OpenRevision,
  { config }: Pick<FoundStore, 'config'>,
): Promise<ResolvedProject> {
  const { guessProject, questionOf } = await import('./local-project.ts');
  return guessProject(config, await questionOf(opened, project));
}

/** Images of an open revision, or of what its decision program printed, and all their parents, parents first, for a platform; or what is wrong with them. */
export async function describeImagesOf(
  opened: OpenRevision,
  names: readonly string[],
  {
    found,
    owner,
    platform,
    printed,
  }: {
    readonly found: FoundStore;
    readonly owner: ResolvedProject;
    readonly platform: string;
    readonly printed?: Printed | undefined;
  },
  { signal, env }: Pick<Session, 'signal' | 'env'>,
): Promise<{ images: readonly DescribedImage[]; findings: readonly Finding[] }> {
  const [{ parseSlipwayYml }, { describeImages }, { CONFIG_FILE, readConfigFile }, { contextHashes }] =
    await Promise.all([
      import('../../plan/parse-slipway-yml.ts'),
      import('../../images/describe-images.ts'),
      import('../../steps/config-file.ts'),
      import('./context-hashes.ts'),
    ]);
  const text = await readConfigFile(opened.tree, signal);
  if (text === undefined) {
    const { explainNoConfig } = await import('./explain-no-config.ts');
    throw new UsageError(await explainNoConfig(opened, signal));
  }
  const { config, findings, position } = parseSlipwayYml(text, { file: CONFIG_FILE, printed });
  if (!config) return { images: [], findings };
  const known = Object.keys(config.images);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) return { images: [], findings: unknown.map((name) => unknownImage(name, known)) };

  const { domain, level } = owner;
  const described = await describeImages(opened.tree, config.images, names, {
    platform,
    resolveBase: async (platform, reference, policy) => {
      const find = policy === 'track' ? found.store?.index.findTrackedBase : found.store?.index.findBase;
      return (await find?.(domain, platform, reference, level))?.manifestDigest;
    },
    cache: contextHashes(env),
    signal,
  });
  const placed = described.findings.map(({ imageName, ...finding }) =>
    finding.file === CONFIG_FILE ? { ...finding, ...position(['images', imageName, 'context']) } : finding,
  );
  return { images: described.images, findings: placed };
}

function unknownImage(name: string, known: readonly string[]): Finding {
  return {
    severity: 'error',
    file: 'slipway.yml',
    line: 1,
    column: 1,
    message: `there is no image "${name}"`,
    hint: known.length > 0 ? `images are: ${known.join(', ')}` : 'no image is defined',
  };
}
