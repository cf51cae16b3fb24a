import { isSlipwayError } from '../../../model/errors.ts';
import type { Rerun } from '../../../model/pure/rerun.ts';
import type { SlipwayApi } from '../../api.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, pushOption, watchOption } from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';
import { stillEnding } from '../../still-ending.ts';

interface RerunArgs {
  readonly name: string;
  readonly push?: string | undefined;
  readonly failed: boolean;
  readonly downstream: boolean;
  readonly hold: boolean;
  readonly watch: boolean;
  readonly json: boolean;
}

export const rerunVerb = defineVerb<RerunArgs>({
  command: 'rerun <name>',
  describe: 'Run a task of a push again, or all of it that failed; the others stay as they are',
  options: (cli) =>
    cli
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'A taskId or a label; with --failed a push (id, revision, beginning of it)',
      })
      .option('push', pushOption)
      .option('failed', {
        type: 'boolean',
        default: false,
        describe: 'Everything of the push that has ended and has not completed',
      })
      .option('downstream', {
        type: 'boolean',
        default: false,
        describe: 'And afterwards what depends on it, also where that has completed',
      })
      .option('hold', {
        type: 'boolean',
        default: false,
        describe: 'Keep the containers of tasks that fail for a while, for slipway shell',
      })
      .option('watch', watchOption)
      .option('json', jsonOption)
      .example('$0 rerun unit --push 1a2b3c', 'One task')
      .example('$0 rerun compile --downstream --watch', 'A task of what is checked out and what stands on it')
      .example('$0 rerun unit --hold --watch', 'Once more, to be joined if it fails: slipway shell TASK')
      .example('$0 rerun --failed 1a2b3c', 'What failed of a push'),
  endsAtOnce: true,
  run: rerun,
});

async function rerun(args: RerunArgs, session: Session): Promise<ExitCode> {
  const [{ withClient }, { pushedBy }] = await Promise.all([
    import('../open-client.ts'),
    import('../../pushed-by.ts'),
  ]);
  const { terminal, env } = session;
  return withClient(session, async ({ api }) => {
    const { pushId, tasks } = await resolveTasks(api, args);
    const since = Date.now();
    const wanted = { tasks, downstream: args.downstream, ...(args.hold ? { hold: true } : {}) };
    const onEnding = (): void => terminal.note(`slipway: ${stillEnding(pushId)}`);
    const { outcome, round } = await api.rerun(pushId, wanted, pushedBy(env), { onEnding });
    if (args.watch) {
      const { watchPush } = await import('../watch-push.ts');
      if (!args.json) terminal.print(pushId);
      return watchPush(api, pushId, { ...session, json: args.json, since, round });
    }
    const what = tasks === 'failed' ? 'what failed' : tasks.join(', ');
    if (args.json) terminal.print(JSON.stringify({ id: pushId, outcome }));
    else
      terminal.print(
        outcome === 'asked'
          ? `${pushId} runs, and is asked to run ${what} again once it has ended`
          : `${pushId} runs ${what} again`,
      );
    return EXIT.good;
  });
}

/** What shall run again. @throws {NotFound} @throws {UsageError} */
export async function resolveTasks(
  api: Pick<SlipwayApi, 'resolvePush' | 'resolveTask'>,
  { name, push, failed }: Pick<RerunArgs, 'name' | 'push' | 'failed'>,
): Promise<{ readonly pushId: string; readonly tasks: Rerun['tasks'] }> {
  const { parseId, pushId: idOf } = await import('../../../model/pure/ids.ts');
  if (failed) {
    if (push !== undefined)
      throw new UsageError('With --failed the push itself is named: slipway rerun --failed PUSH');
    return { pushId: await api.resolvePush(name), tasks: 'failed' };
  }
  if (parseId(name)?.kind === 'push') throw namesPush(name);
  const id = parseId(await api.resolveTask(name, push).catch((error: unknown) => notAPush(api, name, error)));
  if (id?.kind !== 'task')
    throw new UsageError(
      'An image is built again by the task that needs it, or by slipway push --rebuild NAME --again',
    );
  return { pushId: idOf(id), tasks: [id.label] };
}

/** The first word may be meant for a push, as that of other verbs is. */
async function notAPush(api: Pick<SlipwayApi, 'resolvePush'>, name: string, error: unknown): Promise<never> {
  if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
  const isPush = await api.resolvePush(name).then(
    () => true,
    () => false,
  );
  if (!isPush) throw error;
  throw namesPush(name);
}

function namesPush(name: string): UsageError {
  return new UsageError(
    `"${name}" is a push: name a task of it (slipway rerun TASK --push ${name}), or say slipway rerun --failed ${name} for all of it that has not completed`,
  );
}
