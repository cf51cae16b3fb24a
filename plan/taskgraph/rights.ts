import { entriesOf, isRecord, ownValue, valueAt } from '../values.ts';
import type { TaskgraphTask } from './document.ts';
import type { Notes } from './notes.ts';

/** Features that mean the same here. */
const SAME = ['allowPtrace', 'dind'];

/** What docker-worker has by that name is another thing. */
const KEPT_ON_FAILURE = 'onFailure';

const ALWAYS = 'the log and artifacts are always kept';

const INSTEAD: Readonly<Record<string, string>> = {
  taskclusterProxy: 'there is no Taskcluster that a task could ask: what it needs are inputs and secrets',
  chainOfTrust: 'nothing is signed: the record of every run has digests of its image and its artifacts',
  interactive:
    'whoever may joins a task that runs by slipway shell TASK, and one that failed if it has "interactive: onFailure"',
  artifacts: ALWAYS,
  localLiveLog: ALWAYS,
  bulkLog: ALWAYS,
};

const DEVICES: Readonly<Record<string, string>> = {
  hostSharedMemory:
    'the task has shared memory of its own, 1.8 GB or what "resources: {shm}" of defaults says',
};

/** What a payload asks for beyond what every task has; what the server's configuration can grant stays asked for. */
export function readRights(task: TaskgraphTask, notes: Notes): Record<string, unknown> {
  const features = entriesOf(task.payload['features']).filter(([name, value]) => {
    if (SAME.includes(name) || (name === 'interactive' && value === KEPT_ON_FAILURE)) return true;
    if (value !== false)
      note(
        ['features', name],
        `feature "${name}" is not carried out`,
        ownValue(INSTEAD, name) ?? 'the task runs without it',
      );
    return false;
  });
  const capabilities = entriesOf(task.payload['capabilities']).flatMap(
    ([name, value]): [string, unknown][] => {
      if (name === 'disableSeccomp') return [[name, value]];
      if (name === 'devices') return devicesOf(value);
      if (value !== false)
        note(['capabilities', name], `capability "${name}" is not given`, 'the task runs without it');
      return [];
    },
  );
  return {
    ...named('features', features),
    ...named('capabilities', capabilities),
  };

  function devicesOf(devices: unknown): [string, unknown][] {
    const kept = entriesOf(devices).filter(([name, value]) => {
      if (name === 'kvm') return true;
      const hint = ownValue(DEVICES, name) ?? 'the task runs without it';
      if (value !== false) note(['capabilities', 'devices', name], `device "${name}" is not given`, hint);
      return false;
    });
    return kept.length === 0 ? [] : [['devices', Object.fromEntries(kept)]];
  }

  function named(field: string, kept: readonly [string, unknown][]): Record<string, unknown> {
    const written = valueAt(task.payload, [field]);
    if (written !== undefined && !isRecord(written)) return { [field]: written };
    return kept.length === 0 ? {} : { [field]: Object.fromEntries(kept) };
  }

  function note(path: readonly string[], message: string, hint: string): void {
    notes.add(task, ['task', 'payload', ...path], message, hint);
  }
}
