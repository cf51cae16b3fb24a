import type { Level } from '../../../model/pure/ids.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageListArgs {
  readonly name?: string | undefined;
  readonly domain?: string | undefined;
  readonly level?: number | undefined;
  readonly limit: number;
  readonly json: boolean;
}

const NONE =
  'slipway: there is no such image of the project that one stands in, nor of those of the configuration; of another local project: --domain NAME';

export const imageListVerb = defineVerb<ImageListArgs>({
  command: 'list [name]',
  describe: 'List the images that are there, the newest first',
  options: (cli) =>
    cli
      .positional('name', { type: 'string', describe: 'Only images of this name' })
      .option('domain', {
        type: 'string',
        requiresArg: true,
        describe: "Trust domain; default: that of this checkout's project, and all of the configuration",
      })
      .option('level', {
        type: 'number',
        choices: [1, 2, 3],
        describe: 'As a push of this level sees them; default 1',
      })
      .option('limit', { type: 'number', alias: 'n', default: 20, requiresArg: true, describe: 'How many' })
      .option('json', jsonOption)
      .example('$0 image list', 'The last twenty')
      .example('$0 image list lint --domain demo --json', 'Of one name, for programs'),
  endsAtOnce: true,
  run: imageList,
});

async function imageList(args: ImageListArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const { name, domain } = args;
  const level = args.level as Level | undefined;
  const limit = wholeNumber('limit', args.limit, 1);
  const { withClient } = await import('../open-client.ts');
  const images = await withClient(session, async ({ api, config }) => {
    const further = domain === undefined ? await domainHere(config, session) : undefined;
    return api.images({
      limit,
      ...(name === undefined ? {} : { name }),
      ...(domain === undefined ? {} : { domain }),
      ...(further === undefined ? {} : { further }),
      ...(level === undefined ? {} : { level }),
    });
  });
  if (args.json) {
    terminal.print(JSON.stringify(images));
    return EXIT.good;
  }
  if (images.length === 0) terminal.note(domain ? 'slipway: there is no such image yet' : NONE);
  const [{ renderTable }, { formatBytes, localTime, short }] = await Promise.all([
    import('../render/table.ts'),
    import('../render/quantities.ts'),
  ]);
  const rows = images.map((image) => [
    localTime(image.created),
    image.domain,
    image.name,
    short(image.imageHash),
    `level ${image.level}`,
    formatBytes(image.sizeBytes),
    image.manifestDigest,
  ]);
  for (const line of renderTable(rows)) terminal.print(line);
  return EXIT.good;
}

/** That of the project of the checkout one stands in, if it is any. */
async function domainHere(config: ServerConfig, session: Session): Promise<string | undefined> {
  const [{ openIfAny }, { ownerOf }] = await Promise.all([
    import('../open-revision.ts'),
    import('../describe-in-tree.ts'),
  ]);
  // Whatever keeps git from telling: it is a preference and no more.
  const opened = await openIfAny({ repo: '.', rev: 'HEAD' }, session).catch(() => undefined);
  return opened && (await ownerOf({}, opened, { config })).domain;
}
