import { printable } from '../../../model/printable.ts';
import { LIVE_LOG } from '../../../model/pure/artifact-names.ts';
import type { RecordRunInput } from '../../../model/pure/payloads.ts';
import { count, formatBytes } from './quantities.ts';

/** How a run on this machine ended, for people: what it has left, and where. The log has said why. */
export function describeEnd(
  { task, run, state, reason, saved }: RecordRunInput,
  directory: string,
): readonly string[] {
  const artifacts = (saved?.artifacts ?? []).filter(({ name }) => name !== LIVE_LOG);
  const what = `${task.label}: ${state}${reason === state ? '' : `/${reason}`}`;
  const left = artifacts.length === 0 ? 'its log' : `${count(artifacts.length, 'artifact')} and its log`;
  return [
    `${what} (run ${run}); ${left} in ${directory}`,
    ...artifacts.map(({ name, sizeBytes }) => `  ${printable(name)} (${formatBytes(sizeBytes)})`),
  ];
}
