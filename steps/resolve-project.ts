import { realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ProjectNotFound } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import { NAME_PATTERN } from '../model/pure/ids.ts';
import { createRefMatcher } from '../model/pure/ref-patterns.ts';
import type { Grants, Project, ServerConfig } from '../model/schema/config.ts';
import { grantsOf } from '../model/schema/config.ts';

export interface ResolvedProject {
  readonly project: string;
  /** Trust domain: projects of one domain share images. */
  readonly domain: string;
  readonly level: Level;
  /** What its tasks may have; absent where no configuration says it, on a laptop. */
  readonly grants?: Grants;
}

/** Of the repositories of a project a message names as many. */
const MOST_NAMED = 3;

/** A repository as the configuration writes it: local paths become `file://` URLs, everything else stays. */
export function canonicalRepository(repository: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(repository) && !repository.startsWith('file:'))
    return stripSlash(repository);
  if (/^[^/\s]+@[^/\s]+:/.test(repository)) return repository;
  const path = repository.startsWith('file:') ? fileURLToPath(repository) : resolve(repository);
  return stripSlash(pathToFileURL(path).href);
}

/**
 * A repository as the configuration writes it, also where that leads to a directory of this machine by another path, or has an
 * address elsewhere with or without `.git`. For those who name a repository: a worker takes the path that it is told for what it is,
 * since it could lead elsewhere when it is read.
 */
export function asConfigured({ projects }: Pick<ServerConfig, 'projects'>, repository: string): string {
  const canonical = canonicalRepository(repository);
  const configured = Object.values(projects).flatMap(({ sources }) =>
    sources.map((source) => canonicalRepository(source.repository)),
  );
  if (configured.includes(canonical)) return canonical;
  const place = placeOf(canonical);
  return configured.find((source) => placeOf(source) === place) ?? canonical;
}

/** The same of all names of one repository: where a local one is once all links are followed, of any other the address without `.git`. */
function placeOf(canonical: string): string {
  if (!canonical.startsWith('file:')) return canonical.replace(/\.git$/, '');
  try {
    return realpathSync(fileURLToPath(canonical));
  } catch {
    return canonical;
  }
}

/**
 * Finds the project whose `sources` hold a repository and the level of the first ref that matches. The server's
 * configuration alone decides; `wanted` only chooses among the projects that name the repository.
 * @throws {ProjectNotFound} when there is none.
 */
export function resolveProject(
  config: ServerConfig,
  repository: string,
  { ref, wanted }: { readonly ref: string; readonly wanted?: string | undefined },
): ResolvedProject {
  const canonical = canonicalRepository(repository);
  let named = false;
  for (const [project, configured] of Object.entries(config.projects)) {
    if (wanted !== undefined && wanted !== project) continue;
    for (const source of configured.sources) {
      if (canonicalRepository(source.repository) !== canonical) continue;
      named = true;
      const level = Object.entries(source.refs).find(([pattern]) => createRefMatcher([pattern])(ref))?.[1];
      if (!level) continue;
      const domain = configured.trustDomain ?? project;
      return { project, domain, level, grants: grantsOf(config, { project, level }) };
    }
  }
  if (named) throw new ProjectNotFound(`No project lets ${ref} of ${repository} be pushed`);
  return localProject(config, canonical, wanted);
}

/** The same, where a push of that level is or was asked for. @throws {ProjectNotFound} also when the configuration gives its ref another level. */
export function resolveAtLevel(
  config: ServerConfig,
  {
    repository,
    ref,
    project,
    level,
  }: { readonly repository: string; readonly ref: string; readonly project: string; readonly level: Level },
): ResolvedProject {
  const owner = resolveProject(config, repository, { ref, wanted: project });
  if (owner.level !== level)
    throw new ProjectNotFound(
      `The configuration gives ${ref} of ${repository} level ${owner.level}, not ${level}`,
    );
  return owner;
}

/** Whether a push to a ref of a project takes the place of older ones that run. */
export function supersedes(config: Pick<ServerConfig, 'projects'>, project: string, ref: string): boolean {
  const { supersede = false } = config.projects[project] ?? {};
  return typeof supersede === 'boolean' ? supersede : createRefMatcher(supersede)(ref);
}

/** What a bare repository is called that lies within the directory of its worktrees. */
const HIDDEN = ['.git', '.bare'];

/** A local repository that no project names is a project of its directory's name, at level 1. */
function localProject(config: ServerConfig, canonical: string, wanted: string | undefined): ResolvedProject {
  if (!config.localProjects || !canonical.startsWith('file:')) {
    if (wanted !== undefined) throw doesNotName(config, wanted, canonical);
    const namesake = Object.entries(config.projects).find(([, { sources }]) =>
      sources.some((source) => cloneNameOf(source.repository) === cloneNameOf(canonical)),
    );
    const other = namesake ? `; project "${namesake[0]}" is of ${repositoriesOf(namesake[1].sources)}` : '';
    throw new ProjectNotFound(`No project of the configuration names the repository ${canonical}${other}`);
  }
  const path = fileURLToPath(canonical);
  const directory = basename(HIDDEN.includes(basename(path)) ? dirname(path) : path).replace(/\.git$/, '');
  const project = directory
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63);
  if (!NAME_PATTERN.test(project))
    throw new ProjectNotFound(
      `The directory name of ${path} makes no project name (a to z, 0 to 9): rename the directory, or name the repository in the configuration`,
    );
  if (config.projects[project] !== undefined || (wanted !== undefined && wanted !== project))
    throw doesNotName(config, wanted ?? project, canonical);
  const level = 1;
  return { project, domain: project, level, grants: grantsOf(config, { project, level }) };
}

function doesNotName({ projects }: ServerConfig, project: string, canonical: string): ProjectNotFound {
  const sources = projects[project]?.sources;
  const whatElse = sources ? `it is of ${repositoriesOf(sources)}` : 'there is no such project';
  return new ProjectNotFound(`Project "${project}" does not name the repository ${canonical}: ${whatElse}`);
}

function repositoriesOf(sources: Project['sources']): string {
  const repositories = [...new Set(sources.map(({ repository }) => repository))];
  const more = repositories.length - MOST_NAMED;
  const named = repositories.slice(0, MOST_NAMED).join(', ') || 'none';
  return more > 0 ? `${named} and ${more} more` : named;
}

/** What a clone of a repository is called, wherever it is. */
function cloneNameOf(repository: string): string | undefined {
  return /([^/:]+?)(\.git)?\/*$/.exec(repository)?.[1];
}

function stripSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
