import type { Finding } from '../model/findings.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Grants } from '../model/schema/config.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { TaskPart } from './file-schema.ts';
import type { ParsedSlipwayYml } from './parse-slipway-yml.ts';

/** Whose tasks ask. */
export interface GrantOwner {
  readonly project: string;
  readonly level: Level;
  /** undefined: not known, so that nothing is found. */
  readonly grants?: Grants | undefined;
  /** Of a project that the configuration does not name: its repository, as that would write it. */
  readonly unnamed?: string | undefined;
}

export interface GrantContext extends GrantOwner {
  readonly file: string;
}

/** What of a task is held against the grants. */
export type GrantedParts = Pick<PlannedTask, 'label' | 'secrets' | 'rights' | 'dind'>;

/** The field that asks for each right, and its member in which it does. */
const FIELD_OF: Readonly<Record<string, readonly [field: keyof TaskPart, member: string]>> = {
  allowPtrace: ['features', 'allowPtrace'],
  dind: ['features', 'dind'],
  disableSeccomp: ['capabilities', 'disableSeccomp'],
  kvm: ['capabilities', 'devices'],
};

/**
 * Finds what wanted tasks ask for that the server's configuration does not grant at their level. What the push does not want
 * may ask: it is for another level.
 */
export function checkGrants(
  tasks: readonly GrantedParts[],
  { position, memberPosition }: Pick<ParsedSlipwayYml, 'position' | 'memberPosition'>,
  context: GrantContext,
): readonly Finding[] {
  return tasks.flatMap((task) =>
    findUngranted(task, context.grants).map((asked) => ({
      severity: 'error' as const,
      file: context.file,
      ...(asked.by === 'secrets'
        ? position(['tasks', task.label, 'secrets'], 'key')
        : memberPosition(task.label, ...(FIELD_OF[asked.name] ?? (['capabilities', asked.name] as const)))),
      message: refusal(task, asked, context),
      hint: `${howToGrant(asked, context)}; "when: {levels: […]}" leaves the task out elsewhere`,
    })),
  );
}

/** The same of tasks that were planned before, when it may have been granted: what each asks for and how that would be granted, by label. */
export function withdrawnGrants(
  tasks: readonly GrantedParts[],
  owner: GrantOwner,
): ReadonlyMap<string, string> {
  return new Map(
    tasks.flatMap((task) => {
      const found = findUngranted(task, owner.grants);
      const told = found.map((asked) => `${refusal(task, asked, owner)}; ${howToGrant(asked, owner)}`);
      return found.length === 0 ? [] : [[task.label, told.join('; ')] as const];
    }),
  );
}

/** Something that a task asks for. */
interface Asked {
  readonly by: keyof Grants;
  readonly name: string;
}

function findUngranted(
  { secrets = [], rights = [], dind }: GrantedParts,
  grants: Grants | undefined,
): readonly Asked[] {
  if (!grants) return [];
  const asked: readonly Asked[] = [
    ...secrets.map(({ name }) => ({ by: 'secrets' as const, name })),
    ...[...rights, ...(dind ? ['dind'] : [])].map((name) => ({ by: 'capabilities' as const, name })),
  ];
  return asked.filter(({ by, name }) => !grants[by].includes(name));
}

function refusal({ label }: GrantedParts, { by, name }: Asked, { project, level }: GrantOwner): string {
  const what = by === 'secrets' ? `secret "${name}"` : `"${name}"`;
  return `task "${label}": ${what} is not granted to project "${project}" at level ${level}`;
}

/** With its place: what stands elsewhere in that file makes all of it invalid, for every project. */
function howToGrant({ by, name }: Asked, { project, level, unnamed }: GrantOwner): string {
  const grant = `${by}: {${level}: [${name}]}`;
  if (unnamed === undefined) return `"${grant}" under projects.${project} in slipway.config.yml grants it`;
  if (by === 'capabilities' && unnamed.startsWith('file:'))
    return `"localProjects: {${by}: [${name}]}" in slipway.config.yml, in place of the line of that name, grants it to all local projects`;
  const sources = `sources: [{repository: ${JSON.stringify(unnamed)}, refs: {"*": ${level}}}]`;
  return `only a project that slipway.config.yml names can have it: "projects: {${project}: {${sources}, ${grant}}}"`;
}
