import { shorten } from '../model/shorten.ts';
import { declaredAs } from './artifact-names.ts';
import type { DraftTask } from './draft.ts';
import { ownValue } from './values.ts';

/** Why an artifact that a task takes of another one may be missing where everybody did as they were told; undefined when it may not. */
export function absenceWarning(artifact: string, taker: DraftTask, maker: DraftTask): string | undefined {
  const declared = declaredAs(artifact, maker.artifacts) ?? artifact;
  const isOptional = ownValue(maker.merged.artifacts, declared)?.optional === true;
  if (!isOptional && taker.merged.requires !== 'all-resolved') return undefined;
  const what = `"${shorten(artifact)}" of task "${shorten(maker.label)}"`;
  const why = isOptional ? 'is optional there and not here' : 'may be missing where that has not completed';
  return `${what} ${why}: without it this task ends as resource-unavailable`;
}
