import type { ContainerState } from '../docker/engine.ts';
import type { PlannedTask } from '../model/schema/plan.ts';

/** What a task's container carries out, as one would write it in a shell. */
export function commandText(
  { command }: Pick<PlannedTask, 'command'>,
  { entrypoint }: Pick<ContainerState, 'entrypoint'>,
): string {
  if (!command) return "the image's own command";
  const words = wordsText(command);
  return entrypoint ? `${words} as arguments of the image's ENTRYPOINT ${wordsText(entrypoint)}` : words;
}

function wordsText(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
