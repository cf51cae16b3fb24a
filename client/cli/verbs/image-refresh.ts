import type { PlatformBase } from '../../../model/pure/base-payloads.ts';
import type { Level } from '../../../model/pure/ids.ts';
import type { RefreshedBase } from '../../api.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { FoundStore } from '../find-store.ts';
import type { OpenClient } from '../open-client.ts';
import { jsonOption, platformOption, projectOption } from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

interface ImageRefreshArgs {
  readonly reference: string[];
  readonly image?: string | undefined;
  readonly repo: string;
  readonly project?: string | undefined;
  readonly level?: number | undefined;
  readonly platform?: string | undefined;
  readonly json: boolean;
}

export const imageRefreshVerb = defineVerb<ImageRefreshArgs>({
  command: 'refresh [reference..]',
  describe: 'Resolve pinned bases anew; the next pushes build on what they are now',
  options: (cli) =>
    cli
      .positional('reference', {
        type: 'string',
        array: true,
        default: [],
        describe: 'Bases as FROM names them; default: all that the images of the checkout need',
      })
      .option('image', {
        type: 'string',
        requiresArg: true,
        describe: 'The bases of this image and its parents',
      })
      .option('repo', {
        type: 'string',
        default: '.',
        requiresArg: true,
        describe: 'Directory of the repository whose project it is',
      })
      .option('project', {
        ...projectOption,
        describe: 'Project whose bases they are; default: of the checkout',
      })
      .option('level', {
        type: 'number',
        choices: [1, 2, 3],
        describe: 'Level that records it, for itself and those below; default: the highest of the project',
      })
      .option('platform', {
        ...platformOption,
        describe: 'Of the base, for example linux/arm64; default: those that images need it for',
      })
      .option('json', jsonOption)
      .example('$0 image refresh', 'All bases of the images of this checkout')
      .example('$0 image refresh debian:bookworm --project demo', 'One of them, from anywhere')
      .example('$0 image refresh --image lint', 'Those that one image is built on'),
  run: imageRefresh,
});

async function imageRefresh(args: ImageRefreshArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  if (args.reference.length > 0 && args.image !== undefined)
    throw new UsageError('Name bases or --image NAME, not both');
  const [{ withClient }, { findStore }, { refreshBases }] = await Promise.all([
    import('../open-client.ts'),
    import('../find-store.ts'),
    import('../refresh-bases.ts'),
  ]);
  return withClient(session, async (client) => {
    const owner = await findOwner(args, client, session);
    const found = await findStore(session);
    try {
      const bases = await findBases(args, { ...owner, found }, session);
      if (!bases) return EXIT.usage;
      if (bases.length === 0) terminal.note('slipway: no image of this revision has a base');
      const { project, level } = owner;
      const refreshed = await refreshBases(
        client.api,
        bases.map((base) => ({ ...base, project, level })),
        session,
      );
      if (args.json) terminal.print(JSON.stringify(refreshed));
      else for (const base of refreshed) for (const line of linesOf(base)) terminal.print(line);
      return refreshed.every(isDone) ? EXIT.good : EXIT.unsuccessful;
    } finally {
      found.store?.close();
    }
  });
}

function isDone({ unavailable, countsAt }: RefreshedBase): boolean {
  return unavailable === undefined && countsAt === undefined;
}

/** Undefined when an image has mistakes, which were told: nobody knows all its bases then. */
async function findBases(
  args: ImageRefreshArgs,
  where: { readonly domain: string; readonly level: Level; readonly found: FoundStore },
  session: Session,
): Promise<readonly PlatformBase[] | undefined> {
  const { basesOfCheckout, platformsOfBase } = await import('../bases-to-refresh.ts');
  if (args.reference.length > 0) {
    const { platform } = args;
    const platforms = args.reference.map(async (reference) =>
      (await platformsOfBase(reference, { platform, where })).map((each) => ({ reference, platform: each })),
    );
    return (await Promise.all(platforms)).flat();
  }
  const { formatFinding } = await import('../../../model/findings.ts');
  const { bases, findings } = await basesOfCheckout(args, where, session);
  for (const finding of findings) session.terminal.error(formatFinding(finding));
  return findings.some(({ severity }) => severity === 'error') ? undefined : bases;
}

/** A record of a level counts for those below: without a word the highest is meant, so that all agree. */
async function findOwner(
  args: ImageRefreshArgs,
  { config }: OpenClient,
  session: Session,
): Promise<{ readonly project: string; readonly domain: string; readonly level: Level }> {
  const project = args.project ?? (await projectOfCheckout(args, config, session));
  const levels = (config.projects[project]?.sources ?? []).flatMap(({ refs }) => Object.values(refs));
  const level = (args.level ?? Math.max(1, ...levels)) as Level;
  return { project, domain: config.projects[project]?.trustDomain ?? project, level };
}

async function projectOfCheckout(
  { repo }: ImageRefreshArgs,
  config: OpenClient['config'],
  session: Session,
): Promise<string> {
  const [{ openRevision }, { guessProject }, local] = await Promise.all([
    import('../open-revision.ts'),
    import('../local-project.ts'),
    import('../../local-repository.ts'),
  ]);
  const opened = await openRevision({ repo, rev: 'HEAD' }, session);
  const remotes = opened.local ? await local.remoteUrls(opened.local) : [];
  return guessProject(config, { repositories: [opened.repository, ...remotes], ref: opened.ref ?? 'HEAD' })
    .project;
}

function linesOf(base: RefreshedBase): string[] {
  const { reference, level, domain, before, after, images, unavailable, countsAt } = base;
  const where = `${reference} (${domain}, level ${level})`;
  if (countsAt !== undefined)
    return [
      `${where}: not refreshed, since the record of level ${countsAt} counts at level ${level} too: ${after}`,
      `  to refresh that: slipway image refresh ${reference} --level ${countsAt}`,
    ];
  if (unavailable !== undefined)
    return [
      `${where}: could not be resolved: ${unavailable}`,
      `  ${after === undefined ? 'there is no record of it' : `${after} counts as before`}`,
    ];
  if (before === after) return [`${where}: is what it was, ${after}`];
  return [
    `${where}: ${before === undefined ? 'resolved for the first time' : 'refreshed'}`,
    ...(before === undefined ? [] : [`  before ${before}`]),
    `  now    ${after}`,
    images.length > 0
      ? `  the next pushes that need them build: ${images.join(', ')}`
      : '  no image that is there stands on another one',
  ];
}
