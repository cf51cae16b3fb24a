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
  { project, level, grants, file }: GrantContext,
): readonly Finding[] {
  if (!grants) return [];
  return tasks.flatMap(({ label, secrets = [], rights = [], dind }) => {
    const refuse = (what: string, by: keyof Grants, name: string): Finding => ({
      severity: 'error',
      file,
      ...(by === 'secrets'
        ? position(['tasks', label, 'secrets'], 'key')
        : memberPosition(label, ...(FIELD_OF[name] ?? (['capabilities', name] as const)))),
      message: `task "${label}": ${what} is not granted to project "${project}" at level ${level}`,
      hint: `"${by}: {${level}: [${name}]}" in slipway.config.yml grants it; "when: {levels: […]}" leaves the task out elsewhere`,
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
