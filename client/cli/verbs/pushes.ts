import type { ListedPush } from '../../api.ts';
import { isUnread, whyUnread } from '../../unread-push.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, projectOption, wholeNumber } from '../options.ts';
import { count, localTime } from '../render/quantities.ts';
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
  endsAtOnce: true,
  run: pushes,
});

async function pushes({ project, limit, json }: PushesArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const most = wholeNumber('limit', limit, 1);
  const { withClient } = await import('../open-client.ts');
  const wanted = { limit: most, ...(project === undefined ? {} : { project }) };
  if (json) {
    const documents = await withClient(session, ({ api }) => api.documents(wanted));
    terminal.print(JSON.stringify(documents));
    return EXIT.good;
  }
  const listed = await withClient(session, ({ api }) => api.list(wanted));
  if (listed.length === 0) terminal.note('slipway: there is no push yet');
  const [{ renderTable }, { colourOf, describePush }] = await Promise.all([
    import('../render/table.ts'),
    import('../render/describe-task.ts'),
  ]);
  const rows = listed.map((push) => {
    const begin = [localTime(push.received), push.id];
    if (isUnread(push))
      return [...begin, '', '', terminal.paint('red', 'damaged' in push ? 'damaged' : 'too new'), ''];
    const { ref, pushedBy = '', state } = push;
    const standing = terminal.paint(colourOf(state), describePush(push, Date.now()));
    return [...begin, ref.replace('refs/heads/', ''), pushedBy, standing, tally(push)];
  });
  for (const line of renderTable(rows)) terminal.print(line);
  for (const push of listed.filter(isUnread)) terminal.note(`slipway: ${whyUnread(push)}`);
  return EXIT.good;
}

/** `3 of 4 tasks completed`; of one that runs `4 tasks`: how they stand is in a record of each. */
function tally({ tasks, completed }: ListedPush): string {
  if (tasks === 0) return 'no task';
  return completed === undefined ? count(tasks, 'task') : `${completed} of ${tasks} tasks completed`;
}
