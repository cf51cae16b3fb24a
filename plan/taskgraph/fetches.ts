import { posix } from 'node:path';
import { shorten } from '../../model/shorten.ts';
import { isRecord } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import { isTagged } from './document.ts';
import type { Input, ReferenceWords, References } from './references.ts';

const PATH = ['task', 'payload', 'env', 'MOZ_FETCHES'];

/** Where taskgraph's images have a worker's home, below which a relative directory is meant. */
const HOME = '/builds/worker';

/** What fetch-content unpacks. */
const ARCHIVE = /\.(tar|tgz|tbz2|txz|zip)$|\.tar\.\w+$/;

export interface Fetches {
  readonly inputs: ReadonlyMap<string, Input>;
  /** The variables without the ones that run-task would fetch by, from a Taskcluster that is not there. */
  readonly env: Readonly<Record<string, unknown>>;
}

interface FetchWords extends Pick<ReferenceWords, 'declares' | 'notes'> {
  readonly references: References;
}

/** Turns `MOZ_FETCHES` into inputs, which are there, verified, before the command starts. */
export function readFetches(
  task: TaskgraphTask,
  env: Readonly<Record<string, unknown>>,
  { references, declares, notes }: FetchWords,
): Fetches {
  const inputs = new Map<string, Input>();
  const { MOZ_FETCHES: written, ...rest } = env;
  if (written === undefined) return { inputs, env };
  const fetches = parseList(isTagged(written, 'task-reference') ? written['task-reference'] : written);
  if (!fetches) {
    notes.add(task, PATH, 'MOZ_FETCHES is no JSON list', 'it stays as it is written');
    return { inputs, env };
  }
  const directory = posix.resolve(HOME, String(rest['MOZ_FETCHES_DIR'] ?? 'fetches'));
  for (const fetch of fetches) {
    const { artifact, task: from, dest, extract, ...further } = isRecord(fetch) ? fetch : {};
    if (typeof artifact !== 'string' || typeof from !== 'string') {
      notes.add(task, PATH, 'a member of MOZ_FETCHES names no artifact of a task', 'it is not brought in');
      continue;
    }
    for (const field of Object.keys(further)) {
      if (field === 'verify-hash' || field === 'sha256') continue;
      notes.add(task, PATH, `"${field}" of a member of MOZ_FETCHES is unknown`, 'it counts for nothing');
    }
    const edge = /^<([^>]+)>$/.exec(from)?.[1];
    const label = edge === undefined ? undefined : references.labelOf(edge);
    const isMade = label !== undefined && declares(label, artifact);
    if (!isMade) {
      const why = label === undefined ? '' : `, since that declares no "${shorten(artifact)}"`;
      notes.add(
        task,
        PATH,
        `a fetch from ${shorten(from)} is not carried out${why}`,
        'what it would fetch is missing',
      );
      continue;
    }
    const file = posix.join(directory, typeof dest === 'string' ? dest : '', posix.basename(artifact));
    inputs.set(file, { task: label, artifact });
    if (extract !== false && ARCHIVE.test(artifact))
      notes.add(
        task,
        PATH,
        'a fetched archive is not unpacked',
        'it lies in MOZ_FETCHES_DIR as it is: unpack it in the command',
      );
  }
  return { inputs, env: { ...rest, MOZ_FETCHES_DIR: directory } };
}

function parseList(text: unknown): readonly unknown[] | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
