import type { ImageFinding } from '../images/describe-images.ts';
import { describeImages } from '../images/describe-images.ts';
import type { InvalidInput } from '../model/errors.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { Finding } from '../model/findings.ts';
import type { ContextHashCache } from '../images/context-hash-cache.ts';
import { DECISION_LABEL } from '../model/pure/decision.ts';
import type { Level } from '../model/pure/ids.ts';
import type { BasesOfPush, BaseToRenew, RenewedBase } from '../model/pure/base-payloads.ts';
import type { Grants } from '../model/schema/config.ts';
import type { Plan, PushRequest, PlannedTask } from '../model/schema/plan.ts';
import type { TarballKeeping } from '../model/schema/task.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { ChangedPaths } from '../plan/changed-paths.ts';
import { checkGrants } from '../plan/check-grants.ts';
import type { Printed } from '../plan/join-printed.ts';
import type { ParsedSlipwayYml, ValidConfig } from '../plan/parse-slipway-yml.ts';
import { neededImages } from '../plan/needed-images.ts';
import { parseSlipwayYml } from '../plan/parse-slipway-yml.ts';
import { planSizeMistake } from '../plan/plan-size.ts';
import { remarkOnDigests } from '../plan/remark-on-digests.ts';
import type { Selection } from '../plan/select-tasks.ts';
import { checkSelection, selectTasks } from '../plan/select-tasks.ts';
import { readTryLines } from '../plan/try-line.ts';
import type { Store } from '../store/store.ts';
import type { Changes } from './changed-files.ts';
import { CONFIG_FILE, describeNoConfig, readConfigFile } from './config-file.ts';
import { pinInputs } from './pin-inputs.ts';
import { pinTaskImages } from './pin-task-images.ts';
import { PlanBases } from './plan-bases.ts';
import { planImages } from './plan-images.ts';
import { readRoutesOnce } from './read-routes-once.ts';
import { canonicalRepository } from './resolve-project.ts';
import { leaveUnneeded } from './leave-unneeded.ts';
import type { MissingTarball } from './look-up-image.ts';

export interface MakePlanInput extends Partial<BasesOfPush> {
  readonly pushId: string;
  readonly project: string;
  readonly domain: string;
  readonly level: Level;
  /** What tasks may have by the server's configuration; undefined: that is not known here, and not checked. */
  readonly grants?: Grants;
  /** Whether that names the project, which tells how to grant more. Default: it does. */
  readonly isNamed?: boolean;
  readonly repository: string;
  readonly ref: string;
  readonly request: PushRequest;
  readonly platform: string;
  readonly plannedAt: string;
  /**
   * How far a decision program is: `first`: it is to be planned, and nothing else; or what it printed. Default: it has not run and
   * does not, so that the plan has the tasks of the file only.
   */
  readonly decision?: 'first' | Printed | undefined;
  /** Tasks that were translated from another tool's words, and whose images cannot be had, with the reason: they are left out. */
  readonly unavailable?: ReadonlyMap<string, string>;
  /** What has changed; undefined: unknown, as if everything had. */
  readonly findChanges: () => Promise<Changes | undefined>;
  /** The message of the commit, whose `try:` lines count at level 1; absent: there are none. */
  readonly message?: () => Promise<string>;
  /** Bases that were resolved anew for this push; undefined where nobody can do that. */
  readonly renewedBases?: Readonly<Record<string, RenewedBase>>;
  /** How images keep their tarball that do not say it themselves; default view. */
  readonly tarball?: TarballKeeping;
  /** Context hashes that were computed before. */
  readonly contextHashes?: ContextHashCache | undefined;
  readonly signal: AbortSignal;
}

export type MadePlan =
  | { readonly outcome: 'nothing'; readonly detail: string }
  | { readonly outcome: 'invalid'; readonly findings: readonly Finding[] }
  | {
      readonly outcome: 'planned';
      readonly plan: Plan;
      /** Bases to be resolved anew, then the plan is made again. */
      readonly toRenew: readonly BaseToRenew[];
      /** Of images that are there. */
      readonly missingTarballs: readonly MissingTarball[];
    };

/**
 * Decides a push: which tasks are wanted, which images they need, which of those are known. The same on a laptop
 * and on a worker; without a store every image's action is `unknown`.
 */
export async function makePlan(
  tree: SourceTree,
  store: Store | undefined,
  input: MakePlanInput,
): Promise<MadePlan> {
  const printed = input.decision === 'first' ? undefined : input.decision;
  // Whoever comes with a graph of another tool sees first what would become of it.
  const text = (await readOrRefuse(tree, input.signal)) ?? (printed && Buffer.from('version: 1\n'));
  if (text === undefined) return { outcome: 'nothing', detail: await describeNoConfig(tree, input.signal) };
  if (!Buffer.isBuffer(text)) return { outcome: 'invalid', findings: text.findings };
  const { pushId, unavailable } = input;
  const parsed = parseSlipwayYml(text, { file: CONFIG_FILE, printed, pushId, unavailable });
  if (!parsed.config)
    return { outcome: 'invalid', findings: [...parsed.findings, ...(await checkRest(tree, parsed, input))] };
  const isOpen = parsed.config.decides === true && !printed;
  const onlyDecision = isOpen && input.decision === 'first';
  const config = onlyDecision ? decisionOf(parsed.config) : parsed.config;

  const conditions = Object.values(config.tasks).flatMap(({ when: { changed } }) =>
    changed ? [changed] : [],
  );
  // A decision program is told what to hold its revision against, whatever it prints.
  const asksForChanges = isOpen || conditions.length > 0;
  const changes = asksForChanges ? await input.findChanges() : undefined;
  const changedFiles = changes && new ChangedPaths(changes.files);
  await changedFiles?.lookAhead(conditions);
  const selected = selectTasks(config, {
    ...(onlyDecision ? {} : await patternsOf(input)),
    isOpen,
    ref: input.ref,
    level: input.level,
    changedFiles,
  });
  const pinning = {
    ...input,
    file: CONFIG_FILE,
    position: parsed.position,
    // What has an output is the decision program.
    pathOf: ({ stdout, label }: PlannedTask) => (stdout === undefined ? ['tasks', label] : [label]),
  };
  const ofOthers = store && readRoutesOnce(store);
  const inImages = await pinTaskImages(selected.tasks, ofOthers, pinning);
  const lacking = [...inImages.unavailable].filter(([label]) => parsed.isTranslated(label));
  if (lacking.length > 0)
    return makePlan(tree, store, {
      ...input,
      unavailable: new Map([...(unavailable ?? []), ...lacking]),
      findChanges: () => Promise.resolve(changes),
    });
  // Every definition is checked, so that a mistake shows before some task needs the image.
  const bases = new PlanBases(store, input);
  const described = await describeImages(tree, config.images, Object.keys(config.images), {
    platform: input.platform,
    resolveBase: (platform, reference, policy) => bases.resolve(platform, reference, policy),
    cache: input.contextHashes,
    signal: input.signal,
  });
  const imageNames = new Set(Object.keys(config.images));
  const pinned = await pinInputs(inImages.tasks, ofOthers, pinning);
  const findings = [
    ...parsed.findings,
    ...selected.findings,
    ...checkGrants(selected.tasks, parsed, { ...input, ...unnamed(input), file: CONFIG_FILE }),
    ...placed(described.findings, parsed),
    ...inImages.findings,
    ...pinned.findings,
    ...unknownRebuilds(input, imageNames),
  ];
  if (findings.some(({ severity }) => severity === 'error')) return { outcome: 'invalid', findings };

  // Whoever asks for a rebuild wants to have the image, whether a task needs it now or not.
  const rebuild = input.request.rebuild ?? [];
  const named = onlyDecision ? [] : rebuild;
  const needed = new Set(neededImages(config.images, [], [...selected.neededImages, ...named]));
  const missingTarballs: MissingTarball[] = [];
  const looked = await planImages(
    described.images.filter(({ name }) => needed.has(name)),
    {
      ...input,
      store,
      tree,
      bases,
      described: new Map(described.images.map((image) => [image.name, image])),
      rebuild,
      onTarballMissing: (missing) => missingTarballs.push(missing),
    },
  );
  const { plannedAt, project, domain, level, repository, ref, request } = input;
  const identity = {
    version: 1 as const,
    pushId,
    plannedAt,
    project,
    domain,
    level,
    repository,
    ref,
    revision: tree.revision,
  };
  const plan = {
    ...identity,
    request,
    ...(asksForChanges ? { compared: changes?.since ?? {} } : {}),
    ...(isOpen ? { decides: true } : {}),
    warnings: [...findings, ...remarkOnDigests(pinned.tasks, { ...parsed, file: CONFIG_FILE })],
    images: [...leaveUnneeded(looked, new Set([...selected.wantedImages, ...named]))],
    tasks: pinned.tasks,
    skipped: [...selected.skipped, ...unneededImageTasks(config, needed)],
  };
  const mistake = planSizeMistake(plan);
  if (!mistake) return { outcome: 'planned', toRenew: bases.toRenew, missingTarballs, plan };
  const place = { file: CONFIG_FILE, ...parsed.position(['tasks'], 'key') };
  return { outcome: 'invalid', findings: [...findings, { severity: 'error', ...place, ...mistake }] };
}

/** Tasks that only make an image of what a program printed, and that nothing needs. */
function unneededImageTasks(
  { imageTasks = new Map<string, string>() }: ValidConfig,
  needed: ReadonlySet<string>,
): Plan['skipped'] {
  return [...imageTasks]
    .filter(([name]) => !needed.has(name))
    .map(([name, label]) => ({
      label,
      why: `no task here runs in its image; \`--tasks image:${name}\` builds it`,
    }));
}

/** Mistakes beyond those that leave no config, so that all are known at once: of its other images, and of what was asked for. */
async function checkRest(
  tree: SourceTree,
  parsed: ParsedSlipwayYml,
  input: MakePlanInput,
): Promise<readonly Finding[]> {
  const { rest } = parsed;
  if (!rest) return [];
  const isOpen = rest.decides && (input.decision === undefined || input.decision === 'first');
  const { findings } = await describeImages(tree, rest.images, Object.keys(rest.images), {
    platform: input.platform,
    resolveBase: () => Promise.resolve(undefined),
    cache: input.contextHashes,
    signal: input.signal,
  });
  return [
    ...placed(findings, parsed),
    ...(isOpen && input.decision === 'first'
      ? []
      : checkSelection({ ...(await patternsOf(input)), isOpen }, rest)),
    ...unknownRebuilds(input, rest.imageNames),
  ];
}

/** What is wrong with an image as a whole stands where its context is named. */
function placed(findings: readonly ImageFinding[], { position }: ParsedSlipwayYml): readonly Finding[] {
  return findings.map(({ imageName, ...finding }) =>
    finding.file === CONFIG_FILE ? { ...finding, ...position(['images', imageName, 'context']) } : finding,
  );
}

function unnamed({ isNamed = true, repository }: MakePlanInput): { readonly unnamed?: string } {
  return isNamed ? {} : { unnamed: canonicalRepository(repository) };
}

function unknownRebuilds({ request }: MakePlanInput, imageNames: ReadonlySet<string>): readonly Finding[] {
  return (request.rebuild ?? [])
    .filter((name) => !imageNames.has(name))
    .map((name) => commandLineFinding(`--rebuild names an unknown image "${name}"`));
}

async function readOrRefuse(
  tree: SourceTree,
  signal: AbortSignal,
): Promise<Buffer | InvalidInput | undefined> {
  try {
    return await readConfigFile(tree, signal);
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'InvalidInput') return error as InvalidInput;
    throw error;
  }
}

/** What was asked for, else what the commit message says for a push that anyone may make. */
async function patternsOf({
  request,
  level,
  message,
}: MakePlanInput): Promise<Pick<Selection, 'tasks' | 'from' | 'places'>> {
  if (request.tasks && request.tasks.length > 0) return { tasks: request.tasks };
  const words = level === 1 && message ? readTryLines(await message()) : undefined;
  if (!words || words.length === 0) return {};
  return { tasks: words.map(({ text }) => text), from: 'the commit message', places: words };
}

/** The file as if it had its decision program only. */
function decisionOf(config: ValidConfig): ValidConfig {
  const tasks = Object.entries(config.tasks).filter(([label]) => label === DECISION_LABEL);
  return { ...config, tasks: Object.fromEntries(tasks) };
}

function commandLineFinding(message: string): Finding {
  return { severity: 'error', file: 'command line', line: 1, column: 1, message };
}
