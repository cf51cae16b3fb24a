import type { Finding } from '../model/findings.ts';
import { DECISION_LABEL } from '../model/pure/decision.ts';
import type { ImageDefinition } from '../model/schema/task.ts';
import { checkDefaults } from './check-defaults.ts';
import { checkImages } from './check-images.ts';
import { checkNotYet } from './not-yet.ts';
import { checkLabel, checkTask } from './check-task.ts';
import { checkTaskGraph } from './check-task-graph.ts';
import { checkShape } from './check-shape.ts';
import { normalizeDecision } from './decision-task.ts';
import type { Draft } from './draft.ts';
import { createDraft } from './draft.ts';
import type { DraftTask } from './draft.ts';
import type { TaskPart } from './file-schema.ts';
import type { FindingList } from './finding-list.ts';
import { atPaths, createFindingList } from './finding-list.ts';
import type { JoinedSource, JoinOptions, Printed } from './join-printed.ts';
import { joinPrinted } from './join-printed.ts';
import { normalizeImageDefinition, normalizeTask } from './normalize.ts';
import type { NormalizedTask } from './normalize.ts';
import type { Place, YamlPath } from './yaml-positions.ts';
import { readYaml } from './read-yaml.ts';

/** What a slipway.yml without mistakes says, every default filled in. */
export interface ValidConfig {
  readonly images: Readonly<Record<string, ImageDefinition>>;
  /** With the decision program's own under its label. */
  readonly tasks: Readonly<Record<string, NormalizedTask>>;
  /** Whether there is a decision program. */
  readonly decides?: true;
  /** Tasks of what it printed that cannot be any here, with the reason. */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** Tasks of what it printed that are images here, by the name of the image. */
  readonly imageTasks?: ReadonlyMap<string, string>;
}

/** What is known of a slipway.yml with mistakes. */
export interface RestOfConfig {
  /** Those without mistakes of their own. */
  readonly images: Readonly<Record<string, ImageDefinition>>;
  /** Names as the text has them, also of what is wrong itself. */
  readonly imageNames: ReadonlySet<string>;
  readonly labels: ReadonlySet<string>;
  readonly decides: boolean;
}

export interface ParsedSlipwayYml {
  /** undefined when there are errors. */
  readonly config: ValidConfig | undefined;
  /** What further checks need when there are errors; undefined when there are none, or nothing could be read. */
  readonly rest: RestOfConfig | undefined;
  /** Every mistake and warning, sorted by position. */
  readonly findings: readonly Finding[];
  /**
   * Where a path such as `['images', 'lint', 'context']` stands: its value (for a block collection or an empty value: its
   * key), or its key; for a path that is not there, the nearest ancestor that is.
   */
  position(path: YamlPath, at?: 'key' | 'value'): Place;
  /** Whether a task was translated from another tool's words: what cannot be carried out of it is left out. */
  isTranslated(label: string): boolean;
  /** Where a task has a member of a field: in itself or in `defaults`. */
  memberPosition(label: string, field: keyof TaskPart, member: string): Place;
}

export interface ParseOptions extends JoinOptions {
  /** Name of the file in findings, default `slipway.yml`. */
  readonly file?: string;
  /** What its decision program printed; default: it has not run. */
  readonly printed?: Printed | undefined;
}

/**
 * Reads the text (or its bytes) of a slipway.yml (YAML or JSON) and finds every mistake that can be known from the text alone,
 * all at once. Never throws; an undefined text is a missing file.
 */
export function parseSlipwayYml(
  text: string | Buffer | undefined,
  options: ParseOptions = {},
): ParsedSlipwayYml {
  const file = readYaml(text, options.file ?? 'slipway.yml');
  const source: JoinedSource = options.printed ? joinPrinted(file, options.printed, options) : file;
  const shapeList = createFindingList(source);
  const drafts = new Map<string, DraftTask>();
  const made = source.usable ? checkAll() : undefined;
  const findings = shapeList.sorted();
  const isValid = !findings.some((finding) => finding.severity === 'error');
  return {
    config: isValid ? made?.config() : undefined,
    rest: isValid ? undefined : made?.rest(),
    findings,
    position: source.position,
    isTranslated: (label) => source.isTranslated?.(['tasks', label]) ?? false,
    memberPosition: (label, field, member) =>
      source.position(drafts.get(label)?.path(field, member) ?? ['tasks', label], 'key'),
  };

  /** Runs every check; gives how to make the config, should no check have found an error, and else what is known. */
  function checkAll(): { config(): ValidConfig; rest(): RestOfConfig } | undefined {
    const shaped = checkShape(source, shapeList);
    if (!shaped) return undefined;
    const { file } = shaped;
    const list = atPaths(shapeList, shaped.pathInText);
    if (!checkDefaults(source.value, shapeList)) return undefined;
    const draft = createDraft(source.value, file, options.printed !== undefined);
    for (const [label, task] of draft.tasks) drafts.set(label, task);
    checkNotYet(source.value, list, source.isTranslated);
    checkImages(draft, list);
    checkDecisionLabel(draft, list);
    for (const label of draft.labels) checkLabel(label, list);
    for (const task of draft.tasks.values()) checkTask(task, draft, list);
    checkTaskGraph(draft, list);
    const images = mapValues(file.images ?? {}, normalizeImageDefinition);
    const config = (): ValidConfig => ({
      images,
      tasks: Object.fromEntries(
        [...draft.tasks.values()].map(({ label, merged }) => [
          label,
          label === DECISION_LABEL && file.decision
            ? normalizeDecision(merged)
            : normalizeTask(label, merged),
        ]),
      ),
      ...(file.decision ? { decides: true as const } : {}),
      ...(source.leftOut ? { leftOut: source.leftOut } : {}),
      ...(source.imageTasks ? { imageTasks: source.imageTasks } : {}),
    });
    const rest = (): RestOfConfig => ({
      images: Object.fromEntries(Object.entries(images).filter(([name]) => !list.hasError(['images', name]))),
      imageNames: draft.imageNames,
      labels: draft.labels,
      decides: file.decision !== undefined,
    });
    return { config, rest };
  }
}

/** A task may be called so where there is no decision program. */
function checkDecisionLabel({ file }: Draft, list: FindingList): void {
  if (!file.decision || file.tasks?.[DECISION_LABEL] === undefined) return;
  list.error(['tasks', DECISION_LABEL], `"${DECISION_LABEL}" is the label of the decision program itself`, {
    at: 'key',
    hint: 'rename the task',
  });
}

function mapValues<In, Out>(
  record: Readonly<Record<string, In>>,
  change: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
