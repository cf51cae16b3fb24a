import type { Printed } from '../../../plan/join-printed.ts';
import type { MadePlan } from '../../../steps/make-plan.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import {
  jsonOption,
  platformOption,
  projectOption,
  refOption,
  repositoryArgument,
  revOption,
  tasksOption,
  worktreeOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

interface PlanArgs {
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly tasks?: string[] | undefined;
  readonly rebuild?: string[] | undefined;
  readonly graph?: string | undefined;
  readonly platform?: string | undefined;
  readonly worktree: boolean;
  readonly json: boolean;
}

export const planVerb = defineVerb<PlanArgs>({
  command: 'plan [repo]',
  describe: 'Decide without a server: tasks, images, hashes, known or to build, and why',
  options: (cli) =>
    repositoryArgument(cli)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Plan as for a push to this project' })
      .option('tasks', tasksOption)
      .option('rebuild', {
        ...tasksOption,
        describe: 'Images to build even if they are known, or no task needs them',
      })
      .option('graph', {
        type: 'string',
        requiresArg: true,
        describe: 'A file with what the decision program would print, as Slipway or taskgraph has it',
      })
      .option('worktree', worktreeOption)
      .option('platform', platformOption)
      .option('json', jsonOption)
      .example('$0 plan', 'What a push of the checked-out revision would do')
      .example('$0 plan --tasks "test/*" --ref main', 'Only some tasks, as if pushed to main')
      .example('$0 plan --worktree', 'With what is not committed yet')
      .example('$0 plan --graph graph.json', 'With tasks from `taskgraph target-graph -J > graph.json`')
      .example('$0 plan ../other --rev HEAD~1 --json', 'Another repository and revision, for programs'),
  run: plan,
});

async function plan(args: PlanArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const [{ openRevision }, { findStore }, { warnDirty }, { makeLocalPlan }] = await Promise.all([
    import('../open-revision.ts'),
    import('../find-store.ts'),
    import('../warn-dirty.ts'),
    import('../make-local-plan.ts'),
  ]);
  const decision = args.graph === undefined ? undefined : await readGraph(args.graph);
  const opened = await openRevision(args, session);
  if (!args.worktree) await warnDirty(opened.local, terminal);
  const found = await findStore(session);
  try {
    if (found.why) terminal.note(`slipway: ${found.why}, so it is not known which images are there`);
    return await show(await makeLocalPlan(args, { opened, found }, session, { decision }), args, session);
  } finally {
    found.store?.close();
  }
}

async function readGraph(file: string): Promise<Printed> {
  const { readFile } = await import('node:fs/promises');
  try {
    return { text: await readFile(file, 'utf8'), file };
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function show(made: MadePlan, { json }: PlanArgs, { terminal }: Session): Promise<ExitCode> {
  const { reportNoPlan } = await import('../make-local-plan.ts');
  if (made.outcome !== 'planned') {
    await reportNoPlan(made, terminal);
    if (json && made.outcome === 'invalid')
      terminal.print(JSON.stringify({ images: [], tasks: [], findings: made.findings }));
    return EXIT.usage;
  }
  const [{ planDocument, renderPlan }, { formatFinding }] = await Promise.all([
    import('../render/plan-text.ts'),
    import('../../../model/findings.ts'),
  ]);
  for (const warning of made.plan.warnings) terminal.note(formatFinding(warning));
  const text = json ? [JSON.stringify(planDocument(made.plan))] : renderPlan(made.plan, terminal);
  for (const line of text) terminal.print(line);
  return EXIT.good;
}
