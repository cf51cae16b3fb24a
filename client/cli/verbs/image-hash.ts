import type { DescribedImage } from '../../../images/describe-images.ts';
import type { Finding } from '../../../model/findings.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { FoundStore } from '../find-store.ts';
import type { OpenRevision } from '../open-revision.ts';
import { jsonOption, projectOption, refOption, revOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageHashArgs {
  readonly name: string[];
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly json: boolean;
}

export const imageHashVerb = defineVerb<ImageHashArgs>({
  command: 'hash <name..>',
  describe: 'Print contextHash and imageHash of in-tree images',
  options: (cli) =>
    cli
      .positional('name', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Names under `images`',
      })
      .option('repo', {
        type: 'string',
        default: '.',
        requiresArg: true,
        describe: 'Directory or URL of the repository',
      })
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Bases are those recorded for this project' })
      .option('json', jsonOption)
      .example('$0 image hash lint', 'Of the checked-out revision')
      .example('$0 image hash base lint --rev HEAD~1 --json', 'Two images of another revision, for programs'),
  run: imageHash,
});

async function imageHash(args: ImageHashArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const [{ openRevision }, { findStore }, { warnDirty }] = await Promise.all([
    import('../open-revision.ts'),
    import('../find-store.ts'),
    import('../warn-dirty.ts'),
  ]);
  const opened = await openRevision(args, session);
  await warnDirty(opened.local, terminal);
  const found = await findStore(session);
  try {
    const { images, findings } = await describe(args, opened, found, session);
    await report(findings, session);
    if (findings.some(({ severity }) => severity === 'error')) return EXIT.usage;
    const wanted = args.name.flatMap((name) => images.filter((image) => image.name === name));
    print(wanted, args, session);
    return EXIT.good;
  } finally {
    found.store?.close();
  }
}

async function describe(
  args: ImageHashArgs,
  opened: OpenRevision,
  found: FoundStore,
  { signal, env }: Session,
): Promise<{ images: readonly DescribedImage[]; findings: readonly Finding[] }> {
  const { contextHashes } = await import('../context-hashes.ts');
  const [
    { parseSlipwayYml },
    { describeImages },
    { CONFIG_FILE },
    { guessProject },
    local,
    { hostPlatform },
  ] = await Promise.all([
    import('../../../plan/parse-slipway-yml.ts'),
    import('../../../images/describe-images.ts'),
    import('../../../steps/make-plan.ts'),
    import('../local-project.ts'),
    import('../../local-repository.ts'),
    import('../../../workers/host-platform.ts'),
  ]);
  const text = await opened.tree.readFile(CONFIG_FILE, signal);
  const { config, findings, position } = parseSlipwayYml(text?.toString('utf8'), { file: CONFIG_FILE });
  if (!config) return { images: [], findings };
  const known = Object.keys(config.images);
  const unknown = args.name.filter((name) => !known.includes(name));
  if (unknown.length > 0) return { images: [], findings: unknown.map((name) => unknownImage(name, known)) };

  const repositories = [
    opened.repository,
    ...(opened.local ? await local.remoteUrls(opened.local) : []),
  ] as const;
  const { domain, level } = guessProject(found.config, {
    repositories,
    ref: opened.ref ?? 'HEAD',
    wanted: args.project,
  });
  const described = await describeImages(opened.tree, config.images, args.name, {
    platform: hostPlatform(),
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

async function report(findings: readonly Finding[], { terminal }: Session): Promise<void> {
  const { formatFinding } = await import('../../../model/findings.ts');
  for (const finding of findings) terminal.error(formatFinding(finding));
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

function print(images: readonly DescribedImage[], { json }: ImageHashArgs, { terminal }: Session): void {
  if (json) {
    const documents = images.map(({ name, contextHash, imageHash: hash, missingBases }) => ({
      name,
      contextHash,
      imageHash: hash,
      missingBases,
    }));
    terminal.print(JSON.stringify({ images: documents }));
    return;
  }
  for (const { name, contextHash, imageHash: hash, missingBases } of images) {
    terminal.print(terminal.paint('bold', name));
    terminal.print(`  contextHash ${contextHash}`);
    terminal.print(`  imageHash   ${hash ?? `not known: ${whyUnknown(missingBases)}`}`);
  }
}

function whyUnknown(missingBases: readonly string[]): string {
  if (missingBases.length === 0)
    return 'a base of its parent has no record yet; the first push that needs it makes one';
  return `no record of ${missingBases.join(', ')} yet; the first push that needs it makes one`;
}
