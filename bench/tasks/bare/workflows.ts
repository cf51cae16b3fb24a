import { continueAsNew, executeChild, proxyActivities } from '@temporalio/workflow';
import type { RecordRunInput, RunInput } from '../../../model/pure/payloads.ts';

type Step = (input: unknown) => Promise<unknown>;

const brief = { startToCloseTimeout: '1 minute' } as const;
const { recordRun } = proxyActivities<{ recordRun: Step }>(brief);
const { claimRun } = proxyActivities<{ claimRun: Step }>({ ...brief, taskQueue: 'runner-1' });
const { loadImage, runContainer, saveArtifacts } = proxyActivities<
  Record<'loadImage' | 'runContainer' | 'saveArtifacts', Step>
>({ ...brief, taskQueue: 'runner-1@engine' });

/** As many as a history of one parent carries without being near a limit. */
const CHILDREN_OF_A_RUN = 500;

/** What anybody would write who has Temporal and no Slipway: children side by side, whose results the parent waits for. */
export async function bare(count: number): Promise<void> {
  const now = Math.min(count, CHILDREN_OF_A_RUN);
  await Promise.all(Array.from({ length: now }, (_, i) => executeChild(bareTask, { args: [count - i] })));
  if (count > now) await continueAsNew<typeof bare>(count - now);
}

/** The activities of a run that has no trouble, with inputs of the same shape. */
export async function bareTask(number: number): Promise<void> {
  const input = inputOf(number);
  await claimRun(input);
  await loadImage(input);
  await runContainer(input);
  await saveArtifacts(input);
  const record: Pick<RecordRunInput, 'reason' | 'state' | 'final'> = {
    state: 'completed',
    reason: 'completed',
    final: true,
  };
  await recordRun({ ...input, ...record });
}

function inputOf(number: number): RunInput {
  const label = `test/suite/${number}`;
  const task = { pushId: 'push/demo/1/0', label, level: 1 } as unknown as RunInput['task'];
  return { task, run: 0 };
}
