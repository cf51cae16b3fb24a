import type { ServerConfig } from '../../model/schema/config.ts';
import { findLocalRepository, remoteUrls, resolveRevision } from '../local-repository.ts';
import type { OwnProject } from '../names.ts';
import { projectsOf } from './local-project.ts';

/** The projects that the repository around the working directory is pushed as, itself or by its remotes; none outside of one. */
export async function projectsHere(config: ServerConfig): Promise<readonly OwnProject[]> {
  try {
    const local = await findLocalRepository('.');
    return projectsOf(config, [local.repository, ...(await remoteUrls(local))]);
  } catch {
    // Whatever keeps git from telling: it is a preference and no more.
    return [];
  }
}

/** The revision that is checked out around the working directory; undefined where none is. */
export async function revisionHere(): Promise<string | undefined> {
  try {
    const local = await findLocalRepository('.');
    return local.isBare ? undefined : await resolveRevision(local, 'HEAD');
  } catch {
    // As above.
    return undefined;
  }
}
