import type { StartPush } from '../../api.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { OpenRevision } from '../open-revision.ts';
import {
  jsonOption,
  projectOption,
  refOption,
  repositoryArgument,
  revOption,
  tasksOption,
  watchOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';
import { stillEnding } from '../../still-ending.ts';

interface PushArgs {
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly tasks?: string[] | undefined;
  readonly rebuild?: string[] | undefined;
  readonly again: boolean;
  readonly hold: boolean;
  readonly watch: boolean;
  readonly json: boolean;
}

export const pushVerb = defineVerb<PushArgs>({
  command: 'push [repo]',
  describe: 'Start what a push of a revision starts: images are built, tasks run',
  options: (cli) =>
    repositoryArgument(cli)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', projectOption)
      .option('tasks', tasksOption)
      .option('rebuild', {
        ...tasksOption,
        describe: 'Images to build even if they are known, or no task needs them',
      })
      .option('again', {
        type: 'boolean',
        default: false,
        describe: 'Open a new round of a push that is resolved already',
      })
      .option('hold', {
        type: 'boolean',
        default: false,
        describe: 'Keep the containers of tasks that fail for a while, for slipway shell',
      })
      .option('watch', watchOption)
      .option('json', jsonOption)
      .example('$0 push', 'The checked-out revision; prints id and link, and says what was decided')
      .example('$0 push --watch --tasks unit,lint', 'Two tasks and what they need, to the end')
      .example('$0 push --rev HEAD~1 --rebuild base --again', 'Once more, with an image built anew')
      .example('$0 push --watch --hold', 'A task that fails can be joined afterwards: slipway shell TASK')
      .example('$0 push --watch --json', 'One JSON document at the end, for programs'),
  endsAtOnce: true,
  run: push,
});

async function push(args: PushArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const [{ openRevision }, { warnDirty }, { withClient }, { describeOtherRef }, { tellDecision }] =
    await Promise.all([
      import('../open-revision.ts'),
      import('../warn-dirty.ts'),
      import('../open-client.ts'),
      import('../../describe-other-ref.ts'),
      import('../tell-decision.ts'),
    ]);
  const opened = await openRevision(args, session);
  await warnDirty(opened.local, terminal);
  await requireConfig(opened, session);
  const wanted = await describePush(args, opened, session);
  return withClient(session, async ({ api }) => {
    const asked = Date.now();
    const onEnding = (): void => terminal.note(`slipway: ${stillEnding('this push')}`);
    const started = await api.start(wanted, { onEnding });
    const { pushId, outcome, round, url } = started;
    const since = args.again || round !== undefined ? asked : undefined;
    if (outcome === 'joined')
      terminal.note(`slipway: this push runs already${args.hold ? ', and --hold says nothing to it' : ''}`);
    // Without --watch its state is told too.
    if (outcome === 'resolved' && args.watch)
      terminal.note('slipway: this push is resolved already; --again opens a new round');
    for (const line of describeOtherRef(started, wanted.ref, '--again')) terminal.note(`slipway: ${line}`);
    if (!args.json) for (const line of [pushId, ...(url ? [url] : [])]) terminal.print(line);
    if (!args.watch) return tellDecision(api, started, { ...session, json: args.json });
    const { watchPush } = await import('../watch-push.ts');
    return watchPush(api, pushId, { ...session, json: args.json, since, round });
  });
}

/** A hook that meets a tree without slipway.yml has nothing to do; a person who pushes one has made a mistake. */
async function requireConfig(opened: OpenRevision, { signal }: Session): Promise<void> {
  const [{ readConfigFile }, { explainNoConfig }] = await Promise.all([
    import('../../../steps/config-file.ts'),
    import('../explain-no-config.ts'),
  ]);
  if ((await readConfigFile(opened.tree, signal)) === undefined)
    throw new UsageError(await explainNoConfig(opened, signal));
}

async function describePush(args: PushArgs, opened: OpenRevision, session: Session): Promise<StartPush> {
  const [{ pushedBy }, { requireRef }, { repositoryOfPush }, { upstreamRevision }] = await Promise.all([
    import('../../pushed-by.ts'),
    import('../open-revision.ts'),
    import('../repository-of-push.ts'),
    import('../../local-repository.ts'),
  ]);
  const ref = requireRef(opened);
  const repository = await repositoryOfPush(opened, { ref, project: args.project }, session);
  const upstream = opened.local && (await upstreamRevision(opened.local, ref));
  return {
    repository,
    ref,
    ...(upstream === undefined ? {} : { upstream }),
    revision: opened.revision,
    request: {
      ...(args.tasks ? { tasks: args.tasks } : {}),
      ...(args.rebuild ? { rebuild: args.rebuild } : {}),
    },
    ...(args.project === undefined ? {} : { project: args.project }),
    pushedBy: pushedBy(session.env),
    again: args.again,
    hold: args.hold,
  };
}
