import { writeFile } from 'node:fs/promises';
import { serverConfigPath } from '../model/server-config-path.ts';
import type { StatePaths } from './state-directory.ts';

/** What the first `up` writes: every local repository may be pushed, at level 1. */
export const FIRST_SERVER_CONFIG = `# Who is what: projects, the repositories and refs they come from, and the level of each ref.
version: 1
localProjects: true # a local repository that no project names is a project of its own, at level 1
projects: {} # take the brackets away and write them below, such as:
#  demo:
#    sources: [{ repository: "file:///srv/git/demo.git", refs: { main: 3, "*": 1 } }]
`;

/** The path of the server's configuration; the one in the state directory is written when there is none. */
export async function ensureServerConfig(paths: StatePaths, env: NodeJS.ProcessEnv): Promise<string> {
  const path = serverConfigPath(paths.root, env);
  if (env['SLIPWAY_CONFIG']) return path;
  try {
    await writeFile(path, FIRST_SERVER_CONFIG, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return path;
}
