import type { Finding } from '../model/findings.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Grants } from '../model/schema/config.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { TaskPart } from './file-schema.ts';
import type { ParsedSlipwayYml } from './parse-slipway-yml.ts';

export interface GrantContext {
  readonly project: string;
  readonly level: Level;
  /** undefined: not known, so that nothing is found. */
  readonly grants?: Grants | undefined;
  /** Of a project that the configuration does not name: its repository, as that would write it. */
  readonly unnamed?: string | undefined;
  readonly file: string;
}

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
  tasks: readonly Pick<PlannedTask, 'label' | 'secrets' | 'rights' | 'dind'>[],
  { position, memberPosition }: Pick<ParsedSlipwayYml, 'position' | 'memberPosition'>,
  context: GrantContext,
): readonly Finding[] {
  const { project, level, grants, file } = context;
  if (!grants) return [];
  return tasks.flatMap(({ label, secrets = [], rights = [], dind }) => {
    const refuse = (what: string, by: keyof Grants, name: string): Finding => ({
      severity: 'error',
      file,
      ...(by === 'secrets'
        ? position(['tasks', label, 'secrets'], 'key')
        : memberPosition(label, ...(FIELD_OF[name] ?? (['capabilities', name] as const)))),
      message: `task "${label}": ${what} is not granted to project "${project}" at level ${level}`,
      hint: `${howToGrant(by, name, context)}; "when: {levels: […]}" leaves the task out elsewhere`,
    });
    const asked = [...rights, ...(dind ? ['dind'] : [])];
    return [
      ...secrets
        .filter(({ name }) => !grants.secrets.includes(name))
        .map(({ name }) => refuse(`secret "${name}"`, 'secrets', name)),
      ...asked
        .filter((name) => !grants.capabilities.includes(name))
        .map((name) => refuse(`"${name}"`, 'capabilities', name)),
    ];
  });
}

/** With its place: what stands elsewhere in that file makes all of it invalid, for every project. */
function howToGrant(by: keyof Grants, name: string, { project, level, unnamed }: GrantContext): string {
  const grant = `${by}: {${level}: [${name}]}`;
  if (unnamed === undefined) return `"${grant}" under projects.${project} in slipway.config.yml grants it`;
  if (by === 'capabilities' && unnamed.startsWith('file:'))
    return `"localProjects: {${by}: [${name}]}" in slipway.config.yml, in place of the line of that name, grants it to all local projects`;
  const sources = `sources: [{repository: ${JSON.stringify(unnamed)}, refs: {"*": ${level}}}]`;
  return `only a project that slipway.config.yml names can have it: "projects: {${project}: {${sources}, ${grant}}}"`;
}
