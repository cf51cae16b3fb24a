import type { Plan, PlannedImage, TaskImage } from '../../../model/schema/plan.ts';
import { firstLine } from '../last-lines.ts';
import type { Terminal } from '../terminal.ts';
import { count, short } from './quantities.ts';
import { renderTable } from './table.ts';

/** A plan for people: its tasks, its images, and what is left out, each with the reason. */
export function renderPlan(plan: Plan, { paint }: Pick<Terminal, 'paint'>): string[] {
  const { project, level, ref, revision, tasks, images, skipped } = plan;
  const lines = [`${project} ${ref.replace('refs/heads/', '')} ${short(revision)}, level ${level}`];
  if (plan.compared) lines.push(comparedText(plan.compared));
  section(
    `Tasks: ${tasks.length}`,
    tasks.map(({ label, image, why, description }) => [label, imageName(image), why, firstLine(description)]),
  );
  const unknown = images.filter(({ action }) => action === 'unknown');
  const sharedWhy = sharedReason(unknown);
  section(
    `Images: ${toBuild(images, unknown.length)}${sharedWhy === undefined ? '' : `: ${sharedWhy}`}`,
    images.map(({ name, contextHash, imageHash, action, why }) => [
      name,
      imageHash === null ? `context ${short(contextHash)}` : short(imageHash),
      paint(colourOf(action), action.replace('-', ' ')),
      action === 'unknown' && why === sharedWhy ? '' : why,
    ]),
  );
  section(
    `Left out: ${skipped.length}`,
    skipped.map(({ label, why }) => [label, why]),
  );
  if (plan.decides) lines.push('', 'Further tasks come from the decision program, which only a push runs');
  return lines;

  function section(title: string, rows: string[][]): void {
    if (rows.length === 0 && !title.startsWith('Tasks')) return;
    lines.push('', paint('bold', title), ...renderTable(rows).map((row) => `  ${row}`));
  }
}

/** The document that `plan --json` prints. */
export function planDocument(plan: Plan): object {
  const { project, level, ref, revision, compared, tasks, skipped, warnings, decides = false } = plan;
  const images = plan.images.map(({ name, contextHash, imageHash, action, why, explanation }) => ({
    name,
    contextHash,
    imageHash,
    action,
    why,
    explanation,
  }));
  const comparison = compared ? { compared } : {};
  return { project, level, ref, revision, ...comparison, images, tasks, skipped, warnings, decides };
}

/** What `when.changed` was held against. */
function comparedText({ revision, what }: NonNullable<Plan['compared']>): string {
  if (revision === undefined) return 'Nothing is known to compare with: everything counts as changed';
  return `Changes are those since ${short(revision)}, ${what ?? 'its base'}`;
}

/** How many images are built, and of how many nobody knows it. */
function toBuild(images: readonly PlannedImage[], unknown: number): string {
  const builds = images.filter(({ action }) => action === 'build').length;
  if (unknown === 0) return count(builds, 'build');
  return `${builds > 0 ? `${count(builds, 'build')}; ` : ''}${unknown}, not known whether to build`;
}

/** The reason that all of these images have, to be said once. */
function sharedReason([first, ...others]: readonly PlannedImage[]): string | undefined {
  return others.every(({ why }) => why === first?.why) ? first?.why : undefined;
}

function imageName(image: TaskImage): string {
  switch (image.type) {
    case 'in-tree':
      return `image ${image.name}`;
    case 'docker-image':
      return image.name;
    case 'task-image':
      return `${image.path} of ${image.taskId ?? image.label ?? '?'}`;
    case 'indexed-image':
      return `${image.path} of ${image.namespace}`;
  }
}

function colourOf(action: PlannedImage['action']): 'yellow' | 'green' | 'gray' {
  return action === 'build' ? 'yellow' : action === 'reuse' ? 'green' : 'gray';
}
