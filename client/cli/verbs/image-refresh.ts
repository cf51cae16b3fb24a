import type { Level } from '../../../model/pure/ids.ts';
import type { RefreshedBase } from '../../api.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { OpenClient } from '../open-client.ts';
import { jsonOption, projectOption } from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

interface ImageRefreshArgs {
  readonly reference: string[];
  readonly image?: string | undefined;
  readonly repo: string;
  readonly project?: string | undefined;
  readonly level?: number | undefined;
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
  const [{ withClient }, { hostPlatform }, { refreshBases }] = await Promise.all([
    import('../open-client.ts'),
    import('../../../workers/host-platform.ts'),
    import('../refresh-bases.ts'),
  ]);
  return withClient(session, async (client) => {
    const bases =
      args.reference.length > 0
        ? args.reference.map((reference) => ({ reference, platform: hostPlatform() }))
        : await basesOfCheckout(args, session);
    if (bases.length === 0) terminal.note('slipway: no image of this revision has a base');
    const owner = await findOwner(args, client, session);
    const refreshed = await refreshBases(
      client.api,
      bases.map((base) => ({ ...base, ...owner })),
      session,
    );
    if (args.json) terminal.print(JSON.stringify(refreshed));
    else for (const base of refreshed) for (const line of linesOf(base)) terminal.print(line);
    return refreshed.every(({ unavailable }) => unavailable === undefined) ? EXIT.good : EXIT.unsuccessful;
  });
}

/** A record of a level counts for those below: without a word the highest is meant, so that all agree. */
async function findOwner(
  args: ImageRefreshArgs,
  { config }: OpenClient,
  session: Session,
): Promise<{ project: string; level: Level }> {
  const project = args.project ?? (await projectOfCheckout(args, config, session));
  const levels = (config.projects[project]?.sources ?? []).flatMap(({ refs }) => Object.values(refs));
  const level = (args.level ?? Math.max(1, ...levels)) as Level;
  return { project, level };
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

async function basesOfCheckout(
  { repo, image }: ImageRefreshArgs,
  session: Session,
): Promise<readonly { readonly reference: string; readonly platform: string }[]> {
  const [
    { openRevision },
    { parseSlipwayYml },
    { describeImages },
    { CONFIG_FILE, readConfigFile },
    { hostPlatform },
    caches,
  ] = await Promise.all([
    import('../open-revision.ts'),
    import('../../../plan/parse-slipway-yml.ts'),
    import('../../../images/describe-images.ts'),
    import('../../../steps/config-file.ts'),
    import('../../../workers/host-platform.ts'),
    import('../context-hashes.ts'),
  ]);
  const { tree, revision } = await openRevision({ repo, rev: 'HEAD' }, session);
  const { config } = parseSlipwayYml(await readConfigFile(tree, session.signal), { file: CONFIG_FILE });
  if (!config) throw new UsageError(`${CONFIG_FILE} at ${revision} has mistakes: slipway plan shows them`);
  if (image !== undefined && !Object.hasOwn(config.images, image))
    throw new UsageError(`There is no image "${image}" at ${revision}`);
  const { images } = await describeImages(
    tree,
    config.images,
    image === undefined ? Object.keys(config.images) : [image],
    {
      platform: hostPlatform(),
      resolveBase: () => Promise.resolve(undefined),
      cache: caches.contextHashes(session.env),
      signal: session.signal,
    },
  );
  const named = images.flatMap(({ inputs, missingBases }) =>
    missingBases.map(
      (reference) => [`${inputs.platform} ${reference}`, { reference, platform: inputs.platform }] as const,
    ),
  );
  return [...new Map(named).values()];
}

function linesOf({ reference, level, domain, before, after, images, unavailable }: RefreshedBase): string[] {
  const where = `${reference} (${domain}, level ${level})`;
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
