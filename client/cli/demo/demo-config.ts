import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMap, parseDocument } from 'yaml';
import { ConfigInvalid } from '../../../model/errors.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import { canonicalRepository } from '../../../steps/resolve-project.ts';
import { readServerConfig } from '../../../workers/server-config.ts';
import type { DemoRepositories } from './demo-repositories.ts';

const CHECKOUT_STATE = fileURLToPath(new URL('../../../.slipway', import.meta.url));

const ELSEWHERE = 'type: SLIPWAY_HOME="$HOME/slipway-demo" npm run demo';

/** The state directory of the demo: `SLIPWAY_HOME`, else `.slipway` of this checkout, wherever it is typed. */
export function demoStateDirectory(env: NodeJS.ProcessEnv): string {
  return resolve(env.SLIPWAY_HOME || CHECKOUT_STATE);
}

/**
 * Writes the project `demo` into a server configuration: two repositories, one trust domain. What else stands there stays.
 * @throws {ConfigInvalid} where a `demo` of other repositories stands; nothing is written then.
 */
export async function configureDemo(path: string, repositories: DemoRepositories): Promise<void> {
  await refuseOtherDemo(path, repositories);
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return 'version: 1\nprojects: {}\n';
    throw error;
  });
  const document = parseDocument(before);
  // A file may say nothing.
  if (!document.has('version')) document.set('version', 1);
  const [main, tryOut] = urlsOf(repositories);
  document.setIn(
    ['projects', 'demo'],
    document.createNode({
      sources: [
        { repository: main, refs: { main: 3, '*': 1 } },
        { repository: tryOut, refs: { '*': 1 } },
      ],
    }),
  );
  const projects = document.get('projects');
  // `projects: {}`, as the first `up` writes it, would keep all of it on one line.
  if (isMap(projects)) projects.flow = false;
  const after = document.toString();
  if (after === before) return;
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, after);
  await rename(temporary, path);
}

/** For a look before anything is started. @throws {ConfigInvalid} where the project `demo` is one of other repositories. */
export async function refuseOtherDemo(path: string, repositories: DemoRepositories): Promise<void> {
  const { projects } = await readServerConfig(path);
  const urls = urlsOf(repositories);
  const sources = projects['demo']?.sources ?? [];
  if (sources.every(({ repository }) => urls.includes(canonicalRepository(repository)))) return;
  throw new ConfigInvalid(
    `${path} has a project "demo" of other repositories, which the demo would replace; ${ELSEWHERE}`,
  );
}

/** The configuration that a running stack has in its state directory. @throws {ConfigInvalid} where it reads one that somebody keeps elsewhere. */
export function ownConfig({
  serverConfig,
  stateDirectory,
}: Pick<Connections, 'serverConfig' | 'stateDirectory'>): string {
  if (serverConfig === statePaths(stateDirectory).serverConfig) return serverConfig;
  throw new ConfigInvalid(
    `The stack in ${stateDirectory} reads ${serverConfig}, into which the demo would write its project; ${ELSEWHERE}`,
  );
}

function urlsOf({ origin, tryOut }: DemoRepositories): readonly [origin: string, tryOut: string] {
  return [pathToFileURL(origin).href, pathToFileURL(tryOut).href];
}
