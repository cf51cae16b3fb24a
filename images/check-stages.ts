import { slips } from '../model/nearest.ts';
import type { BaseUse, DockerfileBases, Stage } from './dockerfile.ts';
import { shorten } from '../model/shorten.ts';
import type { Remark } from './remark.ts';

export interface ImageOfStages {
  readonly imageName: string;
  readonly parent: string | undefined;
  /** Of all images that the tree defines. */
  readonly imageNames: ReadonlySet<string>;
  /** Whether the Dockerfile mentions the parent at all, for whatever use. */
  readonly mentionsParent: boolean;
}

/** A shorter name is near to too many others. */
const SHORTEST_MISTYPED = 4;
/** How many stages a name is compared with. */
const MAX_COMPARED = 200;

/** Finds images from outside that are hardly meant: they have the name of an image of the tree, or nearly that of a stage. */
export function checkStages({ uses, stages, usesParent }: DockerfileBases, image: ImageOfStages): Remark[] {
  const named = new Map<string, Stage>();
  const remarks: Remark[] = [];
  for (const stage of stages) {
    const { name, line, column } = stage;
    const earlier = name ? named.get(name) : undefined;
    if (name && earlier)
      remarks.push({
        severity: 'warning',
        line,
        column,
        message: `a stage "${shorten(name)}" has begun before`,
        hint: 'give each stage a name of its own: some engines refuse this, others take the last',
      });
    if (name && !earlier) named.set(name, stage);
  }
  const compared = [...named.keys()].slice(0, MAX_COMPARED);
  for (const use of uses) remarks.push(...remarkOn(use, { stages, named, compared, image }));
  const [first] = stages;
  if (image.parent !== undefined && first && !usesParent && !image.mentionsParent)
    remarks.push({
      severity: 'warning',
      line: first.line,
      column: first.column,
      message: `image "${image.imageName}" has the parent "${image.parent}", which its Dockerfile never uses`,
      hint: 'write "ARG DOCKER_IMAGE_PARENT" and "FROM $DOCKER_IMAGE_PARENT", or leave out the parent',
    });
  return remarks;
}

interface Known {
  readonly stages: readonly Stage[];
  readonly named: ReadonlyMap<string, Stage>;
  /** The names that a use is compared with. */
  readonly compared: readonly string[];
  readonly image: ImageOfStages;
}

function remarkOn(
  { reference, isStage, line, column }: BaseUse,
  { stages, named, compared, image }: Known,
): Remark[] {
  const warn = (message: string, hint: string): Remark[] => [
    { severity: 'warning', line, column, message, hint },
  ];
  if (!isStage && /^\d+$/.test(reference)) {
    const before = countBefore(stages, line) - 1;
    const hint = before > 0 ? `earlier ones have the numbers 0 to ${before - 1}` : 'there is none before';
    return [{ severity: 'error', line, column, message: `no earlier stage has number ${reference}`, hint }];
  }
  const later = isStage ? undefined : named.get(reference.toLowerCase());
  if (later)
    return warn(
      `"${reference}" is pulled from outside, though a later stage has this name`,
      `move the stage of line ${later.line} before this one`,
    );
  if (image.imageNames.has(reference) && reference !== image.imageName)
    return warn(
      `"${reference}" is pulled from outside, though an in-tree image has this name`,
      isStage
        ? `if that one is meant, give the image "parent: ${reference}" and write "ARG DOCKER_IMAGE_PARENT" and "FROM $DOCKER_IMAGE_PARENT"`
        : `if that one is meant, give the image "parent: ${reference}", write "FROM $DOCKER_IMAGE_PARENT AS ${reference}" and copy from that stage`,
    );
  const meant = isStage ? undefined : mistyped(reference, compared);
  if (meant === undefined) return [];
  return warn(`"${shorten(reference)}" is pulled from outside`, `did you mean the stage "${meant}"?`);
}

/** How many stages begin before a line; they stand in the order of their lines. */
function countBefore(stages: readonly Stage[], line: number): number {
  let [low, high] = [0, stages.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stages[middle]?.line ?? line) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Only what has neither tag nor registry can be meant for a stage. */
function mistyped(reference: string, names: readonly string[]): string | undefined {
  const word = reference.toLowerCase();
  if (word.length < SHORTEST_MISTYPED || !/^[a-z0-9_.-]{1,100}$/.test(word)) return undefined;
  return names.find((name) => slips(word, name) === 1);
}
