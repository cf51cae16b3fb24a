import { readFile, rename, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { isMap, parseDocument } from 'yaml';
import type { DemoRepositories } from './demo-repositories.ts';

/** Writes the project `demo` into a server configuration: two repositories, one trust domain. What else stands there stays. */
export async function configureDemo(path: string, { origin, tryOut }: DemoRepositories): Promise<void> {
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return 'version: 1\nprojects: {}\n';
    throw error;
  });
  const document = parseDocument(before);
  document.setIn(
    ['projects', 'demo'],
    document.createNode({
      sources: [
        { repository: pathToFileURL(origin).href, refs: { main: 3, '*': 1 } },
        { repository: pathToFileURL(tryOut).href, refs: { '*': 1 } },
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
