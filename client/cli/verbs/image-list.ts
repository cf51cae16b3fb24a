import type { Level } from '../../../model/pure/ids.ts';
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

const NONE_OF_CONFIGURED =
  'slipway: the projects of the configuration have no such image; those of a local project: --domain NAME';

export const imageListVerb = defineVerb<ImageListArgs>({
  command: 'list [name]',
  describe: 'List the images that are there, the newest first',
  options: (cli) =>
    cli
      .positional('name', { type: 'string', describe: 'Only images of this name' })
      .option('domain', {
        type: 'string',
        requiresArg: true,
        describe: 'Trust domain; default: all of the configuration',
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
  run: imageList,
});

async function imageList(args: ImageListArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const { name, domain } = args;
  const level = args.level as Level | undefined;
  const limit = wholeNumber('limit', args.limit, 1);
  const { withClient } = await import('../open-client.ts');
  const images = await withClient(session, ({ api }) =>
    api.images({
      limit,
      ...(name === undefined ? {} : { name }),
      ...(domain === undefined ? {} : { domain }),
      ...(level === undefined ? {} : { level }),
    }),
  );
  if (args.json) {
    terminal.print(JSON.stringify(images));
    return EXIT.good;
  }
  if (images.length === 0) terminal.note(domain ? 'slipway: there is no such image yet' : NONE_OF_CONFIGURED);
  const [{ renderTable }, { formatBytes, short }] = await Promise.all([
    import('../render/table.ts'),
    import('../render/quantities.ts'),
  ]);
  const rows = images.map((image) => [
    image.created.slice(0, 19).replace('T', ' '),
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
