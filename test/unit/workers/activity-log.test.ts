import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from '@jest/globals';
import { EngineUnavailable } from '../../../model/errors.ts';
import { factsOf } from '../../../workers/activity-log.ts';
import { describeError } from '../../../workers/describe-error.ts';

const revision = 'a'.repeat(40);
const pushId = `push/demo/1/${revision}`;
const taskId = `task/demo/1/${revision}/unit`;
const info = (workflowId: string): Parameters<typeof factsOf>[0] => ({
  activityType: 'runContainer',
  attempt: 2,
  workflowExecution: { workflowId, runId: 'r' },
});

describe('a line about an activity', () => {
  it('names task, run and push, however its input has them', () => {
    const common = { activity: 'runContainer', attempt: 2, pushId, taskId };
    expect(factsOf(info(taskId), [{ task: { pushId, taskId }, run: 3 }])).toEqual({ ...common, run: 3 });
    expect(factsOf(info(taskId), [{ pushId, taskId, run: 0 }])).toEqual({ ...common, run: 0 });
  });

  it('names at least whose activity it is when the input says nothing', () => {
    expect(factsOf(info(pushId), [])).toEqual({ activity: 'runContainer', attempt: 2, pushId });
    expect(factsOf(info(taskId), [undefined])).toEqual({ activity: 'runContainer', attempt: 2, taskId });
  });
});

describe('an error in a log', () => {
  it('that is expected has type, message and causes, and no stack trace', () => {
    const cause = Object.assign(new Error('connect ENOENT /x.sock'), { code: 'ENOENT' });
    const error = new EngineUnavailable('unix:///x.sock', 'it does not answer', { cause });

    expect(describeError(error)).toEqual({
      type: 'EngineUnavailable',
      message: error.message,
      causes: ['connect ENOENT /x.sock'],
    });
    expect(describeError(ApplicationFailure.retryable('The worker was shut down', 'WorkerShutdown'))).toEqual(
      {
        type: 'WorkerShutdown',
        message: 'The worker was shut down',
      },
    );
    expect(describeError(cause)).toEqual({ type: 'Error', message: cause.message });
  });

  it('that nobody expects says where it was thrown', () => {
    expect(describeError(new TypeError('x is undefined')).stack).toContain('activity-log.test');
    expect(describeError('text')).toEqual({ type: 'string', message: 'text' });
  });
});
