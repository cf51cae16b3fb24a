import { ProjectNotFound } from '../model/errors.ts';
import { NAME_PATTERN } from '../model/pure/ids.ts';
import type { RefreshInput } from '../model/pure/base-payloads.ts';
import type { ServerConfig } from '../model/schema/config.ts';

/** The trust domain whose bases a refresh of this project and level renews: the configuration's to say. @throws {ProjectNotFound} */
export function authorizeRefresh(config: ServerConfig, { project, level }: RefreshInput): { domain: string } {
  const known = config.projects[project];
  if (!known) {
    if (config.localProjects && level === 1 && NAME_PATTERN.test(project)) return { domain: project };
    throw new ProjectNotFound(`The configuration has no project "${project}" of level ${level}`);
  }
  const levels = known.sources.flatMap(({ refs }) => Object.values(refs));
  if (levels.includes(level)) return { domain: known.trustDomain ?? project };
  throw new ProjectNotFound(`No ref of project "${project}" has level ${level}`);
}
