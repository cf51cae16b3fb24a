import type { MadePlan } from '../../../steps/make-plan.ts';
import type { FoundStore } from '../find-store.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { OpenRevision } from '../open-revision.ts';
import {
  jsonOption,
  projectOption,
  refOption,
  repositoryArgument,
  revOption,
  tasksOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface PlanArgs {
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly tasks?: string[] | undefined;
  readonly rebuild?: string[] | undefined;
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
      .option('rebuild', { ...tasksOption, describe: 'Images to build even if they are known' })
      .option('json', jsonOption)
      .example('$0 plan', 'What a push of the checked-out revision would do')
      .example('$0 plan --tasks "test/*" --ref main', 'Only some tasks, as if pushed to main')
      .example('$0 plan ../other --rev HEAD~1 --json', 'Another repository and revision, for programs'),
  run: plan,
});

async function plan(args: PlanArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const [{ openRevision }, { findStore }, { warnDirty }] = await Promise.all([
    import('../open-revision.ts'),
    import('../find-store.ts'),
    import('../warn-dirty.ts'),
  ]);
  const opened = await openRevision(args, session);
  await warnDirty(opened.local, terminal);
  const found = await findStore(session);
  try {
    if (found.why) terminal.note(`slipway: ${found.why}, so it is not known which images are there`);
    return await show(await makePlanFor(args, opened, found, session), args, session);
  } finally {
    found.store?.close();
  }
}

async function makePlanFor(
  args: PlanArgs,
  opened: OpenRevision,
  found: FoundStore,
  { signal, env }: Session,
): Promise<MadePlan> {
  const { contextHashes } = await import('../context-hashes.ts');
  const [{ makePlan }, { guessProject }, local, { hostPlatform }, ids, { normalizeRequest, variantOf }] =
    await Promise.all([
      import('../../../steps/make-plan.ts'),
      import('../local-project.ts'),
      import('../../local-repository.ts'),
      import('../../../workers/host-platform.ts'),
      import('../../../model/pure/ids.ts'),
      import('../../../model/variant.ts'),
    ]);
  const { repository, revision, tree, source } = opened;
  const ref = opened.ref ?? 'HEAD';
  const remotes = opened.local ? await local.remoteUrls(opened.local) : [];
  const owner = guessProject(found.config, {
    repositories: [repository, ...remotes],
    ref,
    wanted: args.project,
  });
  const request = normalizeRequest({ tasks: args.tasks, rebuild: args.rebuild });
  const variant = variantOf(request);
  return makePlan(tree, found.store, {
    ...owner,
    pushId: ids.pushId({ ...owner, revision, ...(variant ? { variant } : {}) }),
    repository,
    ref,
    request,
    platform: hostPlatform(),
    plannedAt: new Date().toISOString(),
    contextHashes: contextHashes(env),
    // What the server would compare with is where the branch was when it was last seen there.
    changedFiles: async () => {
      const base = opened.local ? await local.upstreamRevision(opened.local, ref) : undefined;
      return base === undefined || base === revision
        ? undefined
        : source.changedFiles(repository, base, revision, signal);
    },
    signal,
  });
}

async function show(made: MadePlan, { json }: PlanArgs, { terminal }: Session): Promise<ExitCode> {
  const { formatFinding } = await import('../../../model/findings.ts');
  switch (made.outcome) {
    case 'nothing':
      terminal.error(`slipway: ${made.detail}`);
      return EXIT.usage;
    case 'invalid':
      for (const finding of made.findings) terminal.error(formatFinding(finding));
      if (json) terminal.print(JSON.stringify({ images: [], tasks: [], findings: made.findings }));
      return EXIT.usage;
    case 'planned': {
      const { planDocument, renderPlan } = await import('../render/plan-text.ts');
      for (const warning of made.plan.warnings) terminal.error(formatFinding(warning));
      const text = json ? [JSON.stringify(planDocument(made.plan))] : renderPlan(made.plan, terminal);
      for (const line of text) terminal.print(line);
      return EXIT.good;
    }
  }
}
