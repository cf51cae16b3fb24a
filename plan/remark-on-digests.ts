import type { PlannedTask } from '../model/schema/plan.ts';

/** More labels than this are counted. */
const MOST_NAMED = 3;

/** Words about each image from outside that tasks run in and whose name has no digest: it need not be the same one at the next push. */
export function remarkOnDigests(tasks: readonly Pick<PlannedTask, 'label' | 'image'>[]): readonly string[] {
  const labels = new Map<string, string[]>();
  for (const { label, image } of tasks) {
    if (image.type !== 'docker-image' || image.name.includes('@')) continue;
    const users = labels.get(image.name) ?? [];
    labels.set(image.name, users);
    users.push(label);
  }
  return [...labels].map(
    ([name, users]) =>
      `warning: "${name}" has no digest, so that it need not be the same image next time; "${name}@sha256:DIGEST" is (${shown(users)})`,
  );
}

function shown(labels: readonly string[]): string {
  const named = labels.slice(0, MOST_NAMED).join(', ');
  return labels.length > MOST_NAMED ? `${named} and ${labels.length - MOST_NAMED} more` : named;
}
