import type { Finding } from '../../../model/findings.ts';
import type { Explanation, FileChange, ImageChange } from '../../../model/schema/explanation.ts';
import type { PlannedImage } from '../../../model/schema/plan.ts';
import type { SourceTree } from '../../../model/source-tree.ts';
import type { OpenStore } from '../../../store/open-store.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { FoundStore } from '../find-store.ts';
import type { OpenRevision } from '../open-revision.ts';
import { jsonOption, platformOption, projectOption, refOption, revOption } from '../options.ts';
import type { WhyDocument } from '../render/why-text.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageWhyArgs {
  readonly name: string;
  readonly push?: string | undefined;
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly platform?: string | undefined;
  readonly json: boolean;
}

export const imageWhyVerb = defineVerb<ImageWhyArgs>({
  command: 'why <name>',
  describe: 'Say why an in-tree image is built: every file, argument, parent and base that changed',
  options: (cli) =>
    cli
      .positional('name', { type: 'string', demandOption: true, describe: 'Name under `images`' })
      .option('push', {
        type: 'string',
        requiresArg: true,
        describe: 'What was recorded when this push was planned: its id, its revision or a beginning of it',
      })
      .option('repo', {
        type: 'string',
        default: '.',
        requiresArg: true,
        describe: 'Directory or URL of the repository',
      })
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'As a push to this project would see it' })
      .option('platform', platformOption)
      .option('json', jsonOption)
      .example('$0 image why lint', 'What the checked-out revision changes about it, with diffs')
      .example('$0 image why lint --push 25c28766', 'Why that push built it')
      .example('$0 image why lint --rev HEAD~1 --json', 'Of another revision, for programs'),
  run: imageWhy,
});

async function imageWhy(args: ImageWhyArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const { findStore } = await import('../find-store.ts');
  const found = await findStore(session);
  const { store } = found;
  if (!store) {
    terminal.error(`slipway: ${found.why}, so it is not known what was built before. Type: slipway up`);
    return EXIT.infrastructure;
  }
  try {
    const explained =
      args.push === undefined
        ? await ofRevision(args, { ...found, store }, session)
        : await ofPush(args.name, args.push, store, session);
    if ('findings' in explained) {
      const { formatFinding } = await import('../../../model/findings.ts');
      for (const finding of explained.findings) terminal.error(formatFinding(finding));
      return EXIT.usage;
    }
    await show(explained, args, session);
    return EXIT.good;
  } finally {
    store.close();
  }
}

interface Explained {
  readonly image: PlannedImage;
  /** Where contents may be read that differ. */
  readonly trees: readonly Pick<SourceTree, 'readMany'>[];
}

async function ofRevision(
  args: ImageWhyArgs,
  { store, config }: FoundStore & { readonly store: OpenStore },
  session: Session,
): Promise<Explained | { readonly findings: readonly Finding[] }> {
  const [{ openRevision }, { warnDirty }, { explainImage }, { guessProject }, local, platforms, caches] =
    await Promise.all([
      import('../open-revision.ts'),
      import('../warn-dirty.ts'),
      import('../../../steps/explain-image.ts'),
      import('../local-project.ts'),
      import('../../local-repository.ts'),
      import('../platform-of-images.ts'),
      import('../context-hashes.ts'),
    ]);
  const opened = await openRevision(args, session);
  await warnDirty(opened.local, session.terminal);
  const remotes = opened.local ? await local.remoteUrls(opened.local) : [];
  const owner = guessProject(config, {
    repositories: [opened.repository, ...remotes],
    ref: opened.ref ?? 'HEAD',
    wanted: args.project,
  });
  const { image, findings } = await explainImage(opened.tree, store, args.name, {
    ...owner,
    platform: await platforms.platformOfPushes(args, owner.level, { store }),
    plannedAt: new Date().toISOString(),
    contextHashes: caches.contextHashes(session.env),
    signal: session.signal,
  });
  if (!image) return { findings };
  return { image, trees: [opened.tree, ...formerTree(image.explanation, opened, session)] };
}

async function ofPush(name: string, push: string, store: OpenStore, session: Session): Promise<Explained> {
  const [{ resolvePushName }, { findPlannedImage }, { openRevision }] = await Promise.all([
    import('../../names.ts'),
    import('../../find-planned-image.ts'),
    import('../open-revision.ts'),
  ]);
  const { plan, image } = await findPlannedImage(store, await resolvePushName(store, push), name);
  // The checkout that one stands in has the contents, if it is one of this repository; else its repository is asked.
  const here = await openRevision({ repo: '.', rev: 'HEAD' }, session).catch(() => undefined);
  const source = here?.source ?? (await import('../../local-source.ts')).localSource(session.env);
  const there = later(() =>
    source.open(plan.repository, { revision: plan.revision, signal: session.signal }),
  );
  const former = formerTree(image.explanation, { source }, session);
  return { image, trees: [...(here ? [here.tree] : []), there, ...former] };
}

/** What the image that it is compared with was built from; read only where the contents are not to be had nearer. */
function formerTree(
  explanation: Explanation | undefined,
  { source }: Pick<OpenRevision, 'source'>,
  { signal }: Session,
): readonly Pick<SourceTree, 'readMany'>[] {
  const { repository, revision } = explanation?.against ?? {};
  if (repository === undefined || revision === undefined) return [];
  return [later(() => source.open(repository, { revision, signal }))];
}

function later(open: () => Promise<SourceTree>): Pick<SourceTree, 'readMany'> {
  let opened: Promise<SourceTree> | undefined;
  return {
    async *readMany(entries, signal) {
      yield* (await (opened ??= open())).readMany(entries, signal);
    },
  };
}

async function show({ image, trees }: Explained, { json }: ImageWhyArgs, session: Session): Promise<void> {
  const { terminal, signal } = session;
  const { renderWhy } = await import('../render/why-text.ts');
  const { name, imageHash, contextHash, action, why } = image;
  const explanation = image.explanation ?? {
    reason: 'unknown' as const,
    detail: why,
    changes: [],
    tried: [],
    notes: [],
  };
  const diffs = await diffsOf(explanation.changes, trees, signal);
  const document: WhyDocument = { name, imageHash, contextHash, action, why, explanation, diffs };
  const lines = json ? [JSON.stringify(document)] : renderWhy(document, terminal);
  for (const line of lines) terminal.print(line);
}

async function diffsOf(
  changes: readonly ImageChange[],
  trees: Explained['trees'],
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const [{ unifiedDiff }, { diffKey }] = await Promise.all([
    import('../../../steps/compare-content.ts'),
    import('../render/why-text.ts'),
  ]);
  const diffs: Record<string, string> = {};
  for (const file of filesIn(changes)) {
    const diff = await unifiedDiff(trees, file, signal);
    if (diff !== undefined) diffs[diffKey(file)] = diff;
  }
  return diffs;
}

function filesIn(changes: readonly ImageChange[]): readonly FileChange[] {
  return changes.flatMap((change) => {
    if (change.kind === 'files') return change.files;
    return change.kind === 'parent' ? filesIn(change.changes ?? []) : [];
  });
}
