import { NotGranted } from '../model/errors.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { Plan } from '../model/schema/plan.ts';
import { withdrawnGrants } from '../plan/check-grants.ts';
import { canonicalRepository, resolveAtLevel } from './resolve-project.ts';

/** Of the tasks that are refused a message names as many. */
const MOST_NAMED = 5;

/**
 * Why tasks of a push may not run again, by label: the configuration of now does not grant what they ask for. The plan, which was
 * made when it may have done so, does not count.
 *
 * @throws {ProjectNotFound} when none may: the configuration does not give the push's ref its level any more.
 */
export function findWithdrawn(
  config: ServerConfig,
  { project, repository, ref, level, tasks }: Plan,
  labels: readonly string[],
): ReadonlyMap<string, string> {
  const { grants } = resolveAtLevel(config, { project, repository, ref, level });
  const again = new Set(labels);
  const isNamed = config.projects[project] !== undefined;
  return withdrawnGrants(
    tasks.filter(({ label }) => again.has(label)),
    { project, level, grants, ...(isNamed ? {} : { unnamed: canonicalRepository(repository) }) },
  );
}

/** @throws {NotGranted} {ProjectNotFound} when one of the tasks may not run again, naming it. */
export function expectGranted(config: ServerConfig, plan: Plan, labels: readonly string[]): void {
  expectNoneRefused(findWithdrawn(config, plan, labels));
}

/** @throws {NotGranted} */
export function expectNoneRefused(refused: ReadonlyMap<string, string>): void {
  if (refused.size === 0) return;
  const named = [...refused.values()].slice(0, MOST_NAMED);
  const more = refused.size > named.length ? `; and ${refused.size - named.length} more` : '';
  throw new NotGranted(`Not all of this may run again: ${named.join('; ')}${more}`);
}
