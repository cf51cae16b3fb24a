import type { PushDocument } from '../../../model/schema/records.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, projectOption, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface PushesArgs {
  readonly project?: string | undefined;
  readonly limit: number;
  readonly json: boolean;
}

export const pushesVerb = defineVerb<PushesArgs>({
  command: 'pushes',
  describe: 'List pushes, the newest first',
  options: (cli) =>
    cli
      .option('project', { ...projectOption, describe: 'Only of this project' })
      .option('limit', { type: 'number', alias: 'n', default: 20, requiresArg: true, describe: 'How many' })
      .option('json', jsonOption)
      .example('$0 pushes', 'The last twenty')
      .example('$0 pushes --project demo -n 100 --json', 'A hundred of one project, for programs'),
  run: pushes,
});

async function pushes({ project, limit, json }: PushesArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const most = wholeNumber('limit', limit, 1);
  const { withClient } = await import('../open-client.ts');
  const documents = await withClient(session, ({ api }) =>
    api.list({ limit: most, ...(project === undefined ? {} : { project }) }),
  );
  if (json) {
    terminal.print(JSON.stringify(documents));
    return EXIT.good;
  }
  if (documents.length === 0) terminal.note('slipway: there is no push yet');
  const [{ renderTable }, { colourOf, describePush }] = await Promise.all([
    import('../render/table.ts'),
    import('../render/describe-task.ts'),
  ]);
  const rows = documents.map((document) => [
    document.received.slice(0, 19).replace('T', ' '),
    document.id,
    document.ref.replace('refs/heads/', ''),
    terminal.paint(colourOf(document.state), describePush(document, Date.now())),
    tally(document),
  ]);
  for (const line of renderTable(rows)) terminal.print(line);
  return EXIT.good;
}

/** `3 of 4 tasks`: how many completed. */
function tally({ tasks }: PushDocument): string {
  if (tasks.length === 0) return 'no task';
  return `${tasks.filter(({ state }) => state === 'completed').length} of ${tasks.length} tasks completed`;
}
