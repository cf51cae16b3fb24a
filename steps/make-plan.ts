import type { DescribedImage } from '../images/describe-images.ts';
import { describeImages } from '../images/describe-images.ts';
import type { Finding } from '../model/findings.ts';
import { imageTaskId } from '../model/pure/ids.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Plan, PlannedImage, PushRequest } from '../model/schema/plan.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { parseSlipwayYml } from '../plan/parse-slipway-yml.ts';
import { selectTasks } from '../plan/select-tasks.ts';
import type { Store } from '../store/store.ts';
import { explainBuild } from './explain-build.ts';
import { isWhole } from './image-closure.ts';
import { pinTaskImages } from './pin-task-images.ts';

export const CONFIG_FILE = 'slipway.yml';

export interface MakePlanInput {
  readonly pushId: string;
  readonly project: string;
  readonly domain: string;
  readonly level: Level;
  readonly repository: string;
  readonly ref: string;
  readonly request: PushRequest;
  readonly platform: string;
  readonly plannedAt: string;
  /** Files changed since the base; undefined: unknown, as if everything had changed. */
  readonly changedFiles: () => Promise<readonly string[] | undefined>;
  /** Bases that could not be had, with the reason. */
  readonly unavailableBases?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type MadePlan =
  | { readonly outcome: 'nothing'; readonly detail: string }
  | { readonly outcome: 'invalid'; readonly findings: readonly Finding[] }
  | { readonly outcome: 'planned'; readonly plan: Plan };

/**
 * Decides a push: which tasks are wanted, which images they need, which of those are known. The same on a laptop
 * and on a worker; without a store every image's action is `unknown`.
 */
export async function makePlan(
  tree: SourceTree,
  store: Store | undefined,
  input: MakePlanInput,
): Promise<MadePlan> {
  const text = await tree.readFile(CONFIG_FILE, input.signal);
  if (!text) return { outcome: 'nothing', detail: `No ${CONFIG_FILE} at ${tree.revision}: nothing to do` };
  const parsed = parseSlipwayYml(text.toString('utf8'), { file: CONFIG_FILE });
  const { config } = parsed;
  if (!config) return { outcome: 'invalid', findings: parsed.findings };

  const asksForChanges = Object.values(config.tasks).some((task) => task.when?.changed !== undefined);
  const changedFiles = asksForChanges ? await input.changedFiles() : undefined;
  const selected = selectTasks(config, {
    ...(input.request.tasks ? { tasks: input.request.tasks } : {}),
    ref: input.ref,
    level: input.level,
    ...(changedFiles ? { changedFiles } : {}),
  });
  // Every definition is checked, so that a mistake shows before some task needs the image.
  const described = await describeImages(tree, config.images, Object.keys(config.images), {
    platform: input.platform,
    resolveBase: async (platform, reference) =>
      store && (await findWholeBase(store, input, platform, reference)),
    signal: input.signal,
  });
  const imageFindings = described.findings.map(({ imageName, ...finding }) =>
    finding.file === CONFIG_FILE
      ? { ...finding, ...parsed.position(['images', imageName, 'context']) }
      : finding,
  );
  const unknownRebuilds = (input.request.rebuild ?? [])
    .filter((name) => config.images[name] === undefined)
    .map((name) => commandLineFinding(`--rebuild names an unknown image "${name}"`));
  const pinned = await pinTaskImages(selected.tasks, store, {
    ...input,
    file: CONFIG_FILE,
    position: parsed.position,
  });
  const findings = [
    ...parsed.findings,
    ...selected.findings,
    ...imageFindings,
    ...pinned.findings,
    ...unknownRebuilds,
  ];
  if (findings.some(({ severity }) => severity === 'error')) return { outcome: 'invalid', findings };

  const needed = new Set(selected.neededImages);
  const images = await planImages(
    described.images.filter(({ name }) => needed.has(name)),
    store,
    input,
  );
  const { pushId, plannedAt, project, domain, level, repository, ref, request } = input;
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
  return {
    outcome: 'planned',
    plan: {
      ...identity,
      request,
      warnings: findings,
      images,
      tasks: pinned.tasks,
      skipped: selected.skipped,
    },
  };
}

async function planImages(
  described: readonly DescribedImage[],
  store: Store | undefined,
  input: MakePlanInput,
): Promise<PlannedImage[]> {
  const planned = new Map<string, PlannedImage>();
  // Known images are looked up side by side; parents come first in `described`, which blame needs.
  const lookups = new Map(described.map((image) => [image.name, lookUp(image, store, input)] as const));
  for (const image of described) {
    const parent = image.definition.parent === undefined ? undefined : planned.get(image.definition.parent);
    planned.set(image.name, {
      ...(await (lookups.get(image.name) ?? lookUp(image, store, input))),
      ...blame(image, parent, input),
    });
  }
  return [...planned.values()];
}

/** Why an image cannot be built at all: a base of its own, or its parent. */
function blame(
  image: DescribedImage,
  parent: PlannedImage | undefined,
  { unavailableBases = {} }: MakePlanInput,
): Pick<PlannedImage, 'unavailable' | 'culprit'> {
  const base = image.missingBases.find((reference) => unavailableBases[reference] !== undefined);
  if (base !== undefined)
    return { unavailable: `Base image "${base}" cannot be had: ${unavailableBases[base]}` };
  if (parent?.unavailable === undefined) return {};
  return { unavailable: parent.unavailable, culprit: parent.culprit ?? parent.taskId };
}

async function lookUp(
  image: DescribedImage,
  store: Store | undefined,
  input: MakePlanInput,
): Promise<PlannedImage> {
  const { domain, level } = input;
  const { name, definition, inputs, contextHash, imageHash, missingBases } = image;
  const known = {
    name,
    context: definition.context,
    parent: definition.parent ?? null,
    ...(definition.symbol ? { symbol: definition.symbol } : {}),
    tarball: definition.tarball ?? ('view' as const),
    inputs,
    contextHash,
    imageHash,
    missingBases: [...missingBases],
  };
  const taskId = imageTaskId({ domain, level, name, imageHash: imageHash ?? 'unknown' });
  if (!store) return { ...known, taskId, action: 'unknown', why: 'no store is reachable' };
  if (imageHash === null) {
    const bases =
      missingBases.length > 0 ? missingBases.join(', ') : `those of its parent ${definition.parent}`;
    return { ...known, taskId, action: 'unknown', why: `no record of its base: ${bases}` };
  }
  if (input.request.rebuild?.includes(name))
    return { ...known, taskId, action: 'build', why: 'its rebuild was asked for' };
  let damaged: string | undefined;
  const found = await store.index.find({ domain, name, imageHash }, level, async (entry) => {
    const whole = await isWhole(store.blobs, entry.manifestDigest, input.signal);
    if (!whole) damaged ??= `built by ${entry.taskId}, but blobs of it are gone or damaged`;
    return whole;
  });
  if (!found)
    return {
      ...known,
      taskId,
      action: 'build',
      why: damaged ?? (await explainBuild(store, { domain, level, name, inputs })),
    };
  const { entry } = found;
  const { manifestDigest, configDigest, diffIds, sizeBytes } = entry;
  return {
    ...known,
    taskId: entry.taskId,
    action: 'reuse',
    why: `built before, at level ${found.level} on ${entry.created}`,
    stored: { manifestDigest, configDigest, diffIds, sizeBytes },
    madeBy: entry.taskId,
  };
}

/** A base whose stored image is damaged counts as none: it is brought in again, and planned with afterwards. */
async function findWholeBase(
  store: Store,
  { domain, level, signal }: MakePlanInput,
  platform: string,
  reference: string,
): Promise<string | undefined> {
  const record = await store.index.findBase(domain, platform, reference, level, (base) =>
    isWhole(store.blobs, base.manifestDigest, signal),
  );
  return record?.manifestDigest;
}

function commandLineFinding(message: string): Finding {
  return { severity: 'error', file: 'command line', line: 1, column: 1, message };
}
