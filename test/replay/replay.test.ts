import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { WorkflowBundle } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { testBundle } from '../helpers/workflow-world.ts';

jest.setTimeout(60_000);

const HISTORIES = fileURLToPath(new URL('./histories', import.meta.url));
const files = (await readdir(HISTORIES, { recursive: true })).filter((file) => file.endsWith('.json')).sort();

interface Recorded {
  readonly workflowId: string;
  readonly history: {
    readonly events: {
      readonly eventType: string;
      activityTaskScheduledEventAttributes?: { activityType: { name: string } };
    }[];
  };
}

async function read(file: string): Promise<Recorded> {
  return JSON.parse(await readFile(`${HISTORIES}/${file}`, 'utf8')) as Recorded;
}

describe('recorded histories', () => {
  let workflowBundle: WorkflowBundle;
  beforeAll(async () => {
    workflowBundle = await testBundle();
  });

  it('cover every workflow', () => {
    expect([...new Set(files.map((file) => file.split('/')[0]))]).toEqual([
      'image',
      'push',
      'refresh',
      'settle',
      'task',
    ]);
  });

  it.each(files)('%s replays', async (file) => {
    const { workflowId, history } = await read(file);

    await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
  });

  it('are refused when the workflow would do something else', async () => {
    const { workflowId, history } = await read('task/completed.json');
    for (const event of history.events) {
      const scheduled = event.activityTaskScheduledEventAttributes;
      if (scheduled?.activityType.name === 'loadImage') scheduled.activityType.name = 'somethingElse';
    }

    await expect(Worker.runReplayHistory({ workflowBundle }, history, workflowId)).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});
