import type { Finding } from '../model/findings.ts';
import type { ImageDefinition } from '../model/schema/task.ts';
import { checkImages } from './check-images.ts';
import { checkNotYet } from './not-yet.ts';
import { checkLabel, checkTask } from './check-task.ts';
import { checkTaskGraph } from './check-task-graph.ts';
import { checkShape } from './check-shape.ts';
import { createDraft } from './draft.ts';
import { createFindingList } from './finding-list.ts';
import { normalizeImageDefinition, normalizeTask } from './normalize.ts';
import type { NormalizedTask } from './normalize.ts';
import type { Place, YamlPath } from './yaml-positions.ts';
import { readYaml } from './read-yaml.ts';

/** What a slipway.yml without mistakes says, every default filled in. */
export interface ValidConfig {
  readonly images: Readonly<Record<string, ImageDefinition>>;
  readonly tasks: Readonly<Record<string, NormalizedTask>>;
}

export interface ParsedSlipwayYml {
  /** undefined when there are errors. */
  readonly config: ValidConfig | undefined;
  /** Every mistake and warning, sorted by position. */
  readonly findings: readonly Finding[];
  /**
   * Where a path such as `['images', 'lint', 'context']` stands: its value (for a block collection or an empty value: its
   * key), or its key; for a path that is not there, the nearest ancestor that is.
   */
  position(path: YamlPath, at?: 'key' | 'value'): Place;
}

export interface ParseOptions {
  /** Name of the file in findings, default `slipway.yml`. */
  readonly file?: string;
}

/**
 * Reads the text of a slipway.yml (YAML or JSON) and finds every mistake that can be known from the text alone, all at
 * once. Never throws; an undefined text is a missing file.
 */
export function parseSlipwayYml(text: string | undefined, options: ParseOptions = {}): ParsedSlipwayYml {
  const source = readYaml(text, options.file ?? 'slipway.yml');
  const list = createFindingList(source);
  const config = source.usable ? checkAll() : undefined;
  const findings = list.sorted();
  const isValid = !findings.some((finding) => finding.severity === 'error');
  return { config: isValid ? config?.() : undefined, findings, position: source.position };

  /** Runs every check; gives how to make the config, should no check have found an error. */
  function checkAll(): (() => ValidConfig) | undefined {
    const file = checkShape(source, list);
    if (!file) return undefined;
    const draft = createDraft(source.value, file);
    checkNotYet(source.value, list);
    checkImages(draft, list);
    for (const label of draft.labels) checkLabel(label, list);
    for (const task of draft.tasks.values()) checkTask(task, draft, list);
    checkTaskGraph(draft, list);
    return () => ({
      images: mapValues(file.images ?? {}, normalizeImageDefinition),
      tasks: Object.fromEntries(
        [...draft.tasks.values()].map(({ label, merged }) => [label, normalizeTask(label, merged)]),
      ),
    });
  }
}

function mapValues<In, Out>(
  record: Readonly<Record<string, In>>,
  change: (value: In) => Out,
): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
