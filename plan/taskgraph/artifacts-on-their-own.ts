import { posix } from 'node:path';
import { LIVE_LOG } from '../../model/pure/artifact-names.ts';
import { entriesOf, isRecord, valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import type { Notes } from './notes.ts';

/** Attributes by which taskgraph itself knows what others fetch of a task. */
const FETCHED = ['fetch-artifact', 'toolchain-artifact'];

/**
 * Artifacts without a directory that would hold the log, as `public` is one, which taskgraph declares for what it fetches, or other
 * artifacts, as `public/build` of builds does: in its place the files that other tasks take of it.
 */
export function artifactsOnTheirOwn(
  task: TaskgraphTask,
  artifacts: unknown,
  { taken, notes }: { readonly taken: Iterable<unknown>; readonly notes: Notes },
): unknown {
  if (!isRecord(artifacts)) return artifacts;
  const attributes = FETCHED.map((name) => valueAt(task.entry, ['attributes', name]));
  const files = new Set([...taken, ...attributes].filter((name): name is string => typeof name === 'string'));
  const names = Object.keys(artifacts);
  const kept = entriesOf(artifacts).flatMap(([name, artifact]): [string, unknown][] => {
    if (!isRecord(artifact) || typeof artifact['path'] !== 'string') return [[name, artifact]];
    const isAround = (other: string): boolean => other.startsWith(`${name}/`);
    const within = artifact['type'] === 'file' ? [] : names.filter(isAround);
    if (!isAround(LIVE_LOG) && within.length === 0) return [[name, artifact]];
    notes.add(
      task,
      ['task', 'payload', 'artifacts', name],
      `a directory "${name}" would have ${isAround(LIVE_LOG) ? 'the log' : `"${within[0]}"`} in it`,
      'what other tasks take of it is kept, file by file, and nothing else',
    );
    const directory = artifact['path'];
    return [...files]
      .filter((file) => isAround(file) && !within.some((one) => file === one || file.startsWith(`${one}/`)))
      .map((file) => [
        file,
        { ...artifact, type: 'file', path: posix.join(directory, posix.relative(name, file)) },
      ]);
  });
  return Object.fromEntries(kept);
}
