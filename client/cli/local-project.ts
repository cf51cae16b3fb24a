import { isSlipwayError } from '../../model/errors.ts';
import type { Level } from '../../model/pure/ids.ts';
import { LEVELS } from '../../model/pure/ids.ts';
import type { ServerConfig } from '../../model/schema/config.ts';
import { grantsOf } from '../../model/schema/config.ts';
import { remoteUrls } from '../local-repository.ts';
import type { OwnProject } from '../names.ts';
import type { ResolvedProject } from '../../steps/resolve-project.ts';
import { asConfigured, canonicalRepository, resolveProject } from '../../steps/resolve-project.ts';
import type { OpenRevision } from './open-revision.ts';
import { UsageError } from './usage-error.ts';

/** What a repository is where no configuration names it. */
const LOCAL_ONLY: ServerConfig = { version: 1, localProjects: true, projects: {} };

export interface ProjectQuestion {
  /** The repository itself and, for a checkout, where its remotes are. */
  readonly repositories: readonly [string, ...string[]];
  readonly ref: string;
  readonly wanted?: string | undefined;
}

/** What is asked of a revision that is open. */
export async function questionOf(
  { repository, local, ref = 'HEAD' }: Pick<OpenRevision, 'repository' | 'local' | 'ref'>,
  wanted: string | undefined,
): Promise<ProjectQuestion> {
  const remotes = local ? await remoteUrls(local) : [];
  return { repositories: [repository, ...remotes], ref, wanted };
}

/** A repository that the configuration names, and what pushes to it are. */
export interface KnownRepository {
  readonly repository: string;
  readonly owner: ResolvedProject;
}

/** The first of the repositories that the configuration names for the ref, and for the project that is wanted. */
export function findKnown(config: ServerConfig, question: ProjectQuestion): KnownRepository | undefined {
  const { repositories, ref, wanted } = question;
  const named = { ...config, localProjects: false };
  for (const repository of repositories) {
    const owner = tryResolve(named, repository, { ref, wanted });
    if (owner) return { repository, owner };
  }
  return undefined;
}

/** The project that a local repository makes by itself, at level 1; undefined where it makes none. */
export function ownProject(config: ServerConfig, repository: string, ref: string): string | undefined {
  return tryResolve(config, repository, { ref })?.project;
}

/**
 * The project and level that a push of this ref would have. A developer's checkout is usually not what the configuration
 * names, its remote is; what the configuration does not know at all is planned as a project of level 1.
 * @throws {UsageError} when the project that is wanted is none.
 */
export function guessProject(config: ServerConfig, question: ProjectQuestion): ResolvedProject {
  const { repositories, ref, wanted } = question;
  const found = findKnown(config, question);
  if (found) return found.owner;
  const known = wanted === undefined ? undefined : config.projects[wanted];
  if (wanted !== undefined && known) {
    const level = lowest(known.sources);
    const grants = grantsOf(config, { project: wanted, level });
    return { project: wanted, domain: known.trustDomain ?? wanted, level, grants };
  }
  const [first] = repositories;
  const local = tryResolve(LOCAL_ONLY, first, { ref });
  if (wanted !== undefined && wanted !== local?.project) {
    const names = new Set([...Object.keys(config.projects), ...(local ? [local.project] : [])]);
    const known = names.size > 0 ? `Projects here are: ${[...names].join(', ')}` : 'None is known here';
    throw new UsageError(`There is no project "${wanted}". ${known}`);
  }
  const { project, domain, level } = local ?? { project: 'local', domain: 'local', level: 1 as const };
  // The server's configuration may know it all the same, and what it grants is not known here.
  return { project, domain, level };
}

/** All projects that pushes of any of these repositories can be of, whatever their refs. */
export function projectsOf(config: ServerConfig, repositories: readonly string[]): readonly OwnProject[] {
  const canonical = new Set(repositories.map((each) => asConfigured(config, each)));
  const named = Object.entries(config.projects)
    .filter(([, { sources }]) =>
      sources.some(({ repository }) => canonical.has(canonicalRepository(repository))),
    )
    .map(([project]) => project);
  const local = repositories.map((each) => tryResolve(config, each, { ref: 'HEAD' })?.project);
  const projects = new Set([...named, ...local.filter((project) => project !== undefined)]);
  return [...projects].map((project) => ({ project, isKnown: named.includes(project) }));
}

function tryResolve(
  config: ServerConfig,
  repository: string,
  options: { readonly ref: string; readonly wanted?: string | undefined },
): ResolvedProject | undefined {
  try {
    return resolveProject(config, asConfigured(config, repository), options);
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ProjectNotFound') return undefined;
    throw error;
  }
}

function lowest(sources: readonly { readonly refs: Readonly<Record<string, Level>> }[]): Level {
  const given = sources.flatMap(({ refs }) => Object.values(refs));
  return LEVELS.find((level) => given.includes(level)) ?? 1;
}
