import { posix } from 'node:path';
import { LIVE_LOG } from '../../model/pure/artifact-names.ts';
import { entriesOf, isRecord, valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import type { Notes } from './notes.ts';

/** Attributes by which taskgraph itself knows what others fetch of a task. */
const FETCHED = ['fetch-artifact', 'toolchain-artifact'];

/**
 * Artifacts without a directory that would hold the log, as `public` is one, which taskgraph declares for what it fetches: in its
 * place the files that other tasks take of it.
 */
export function artifactsBesideLog(
  task: TaskgraphTask,
  artifacts: unknown,
  { taken, notes }: { readonly taken: Iterable<string>; readonly notes: Notes },
): unknown {
  if (!isRecord(artifacts)) return artifacts;
  const attributes = FETCHED.map((name) => valueAt(task.entry, ['attributes', name]));
  const files = new Set([...taken, ...attributes].filter((name): name is string => typeof name === 'string'));
  const kept = entriesOf(artifacts).flatMap(([name, artifact]): [string, unknown][] => {
    if (!LIVE_LOG.startsWith(`${name}/`) || !isRecord(artifact) || typeof artifact['path'] !== 'string')
      return [[name, artifact]];
    notes.add(
      task,
      ['task', 'payload', 'artifacts', name],
      `a directory "${name}" would have the log in it`,
      'what other tasks take of it is kept, file by file, and nothing else',
    );
    const directory = artifact['path'];
    return [...files]
      .filter((file) => file.startsWith(`${name}/`))
      .map((file) => [
        file,
        { ...artifact, type: 'file', path: posix.join(directory, posix.relative(name, file)) },
      ]);
  });
  return Object.fromEntries(kept);
}
