import type { OnAway } from '../../api.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { pushOption, runOption, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { defineVerb } from '../verb.ts';

interface LogsArgs {
  readonly task: string;
  readonly push?: string | undefined;
  readonly run?: number | undefined;
  readonly follow: boolean;
}

export const logsVerb = defineVerb<LogsArgs>({
  command: 'logs <task>',
  describe: 'Print the log of a task or image build',
  options: (cli) =>
    cli
      .positional('task', {
        type: 'string',
        demandOption: true,
        describe: 'Its taskId, its label, or image:NAME',
      })
      .option('push', pushOption)
      .option('run', runOption)
      .option('follow', {
        type: 'boolean',
        alias: 'f',
        default: false,
        describe: 'Go on with what is written until the run ends; one that is to come is waited for',
      })
      .example('$0 logs unit -f', 'Of what is checked out, live')
      .example('$0 logs image:lint --push 1a2b3c', 'How an image was built'),
  endsAtOnce: true,
  run: logs,
});

async function logs({ task, push, run, follow }: LogsArgs, session: Session): Promise<ExitCode> {
  const wanted = run === undefined ? {} : { run: wholeNumber('run', run, 0) };
  const { terminal, signal } = session;
  const [{ withClient }, { describeAway }, { pipeline }] = await Promise.all([
    import('../open-client.ts'),
    import('../describe-away.ts'),
    import('node:stream/promises'),
  ]);
  return withClient(session, async ({ api }) => {
    const taskId = await api.resolveTask(task, push, follow ? { waiting: signal } : {});
    const onAway: OnAway = (error) => terminal.status(describeAway(error));
    const onRunToCome = (last: number): void =>
      terminal.note(`slipway: run ${last} has ended, and a new one is to come: slipway logs ${taskId} -f`);
    const log = api.log(taskId, { ...wanted, follow, onAway, onRunToCome, signal });
    // Bytes as the engine gave them; a slow reader holds us back.
    await pipeline(log, clearing(terminal), process.stdout, { signal, end: false });
    terminal.status('');
    return EXIT.good;
  });
}

/** What is said at the bottom meanwhile goes before the next bytes come. */
function clearing(terminal: Terminal): (log: AsyncIterable<Buffer>) => AsyncGenerator<Buffer, void> {
  return async function* (log) {
    for await (const bytes of log) {
      terminal.status('');
      yield bytes;
    }
  };
}
