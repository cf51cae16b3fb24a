import type { Finding } from '../model/findings.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { ParsedSlipwayYml } from './parse-slipway-yml.ts';

/** More labels than this are counted. */
const MOST_NAMED = 3;

/** Warns of each image from outside that tasks run in and whose name has no digest: it need not be the same one at the next push. */
export function remarkOnDigests(
  tasks: readonly Pick<PlannedTask, 'label' | 'image'>[],
  { memberPosition, file }: Pick<ParsedSlipwayYml, 'memberPosition'> & { readonly file: string },
): readonly Finding[] {
  const labels = new Map<string, [string, ...string[]]>();
  for (const { label, image } of tasks) {
    if (image.type !== 'docker-image' || image.name.includes('@')) continue;
    const users = labels.get(image.name);
    if (users) users.push(label);
    else labels.set(image.name, [label]);
  }
  return [...labels].map(([name, users]) => ({
    severity: 'warning',
    file,
    ...memberPosition(users[0], 'image', 'name'),
    message: `"${name}" has no digest, so that it need not be the same image next time`,
    hint: `"${name}@sha256:DIGEST" is (${shown(users)})`,
  }));
}

function shown(labels: readonly string[]): string {
  const named = labels.slice(0, MOST_NAMED).join(', ');
  return labels.length > MOST_NAMED ? `${named} and ${labels.length - MOST_NAMED} more` : named;
}
