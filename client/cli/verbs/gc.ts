import type { Level } from '../../../model/pure/ids.ts';
import type { CollectionReport } from '../../../model/schema/collection.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface GcArgs {
  readonly level?: number | undefined;
  readonly 'dry-run': boolean;
  readonly json: boolean;
}

export const gcVerb = defineVerb<GcArgs>({
  command: 'gc',
  describe: 'Take away what nobody uses any more; a schedule does it every day',
  options: (cli) =>
    cli
      .option('level', {
        type: 'number',
        choices: [1, 2, 3],
        describe: 'Only of this level; default: all. Blobs, which all levels share, go with level 3',
      })
      .option('dry-run', {
        type: 'boolean',
        default: false,
        describe: 'Take nothing away, only say what would be',
      })
      .option('json', jsonOption)
      .example('$0 gc --dry-run', 'What would be freed, and why')
      .example('$0 gc --level 3 --json', 'Level 3 and the blobs, for programs'),
  run: gc,
});

/** In this process, with the keys of each level. Runs beside pushes, and beside the collection of a schedule. */
async function gc(args: GcArgs, { terminal, env, signal }: Session): Promise<ExitCode> {
  const [
    { readLevelConnections },
    { readServerConfig },
    { openStore },
    { collect },
    { LEVELS },
    { Rehearsal },
  ] = await Promise.all([
    import('../../../workers/connections.ts'),
    import('../../../workers/server-config.ts'),
    import('../../../store/open-store.ts'),
    import('../../../steps/collect.ts'),
    import('../../../model/pure/ids.ts'),
    import('../../../store/collect/rehearsal.ts'),
  ]);
  const rehearsal = new Rehearsal();
  const levels: readonly Level[] = args.level === undefined ? LEVELS : [args.level as Level];
  const reports: CollectionReport[] = [];
  for (const level of levels) {
    const connections = await readLevelConnections(env, level);
    const config = await readServerConfig(connections.serverConfig);
    const store = openStore(connections.store);
    try {
      const onProgress = ({ message }: { readonly message: string }): void =>
        terminal.note(`slipway: ${message}`);
      const input = { level, dryRun: args['dry-run'] };
      reports.push(await collect({ store, config, rehearsal }, input, { signal, onProgress }));
    } finally {
      store.close();
    }
  }
  if (args.json) {
    terminal.print(JSON.stringify(reports));
    return EXIT.good;
  }
  const { renderCollection } = await import('../render/collection-text.ts');
  for (const line of reports.flatMap(renderCollection)) terminal.print(line);
  return EXIT.good;
}
