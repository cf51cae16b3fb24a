import { describe, expect, it } from '@jest/globals';
import { UsageError } from '../../../client/cli/usage-error.ts';
import { resolveTasks } from '../../../client/cli/verbs/rerun.ts';
import { NotFound } from '../../../model/errors.ts';
import { aPush, aTask } from '../../helpers/push-documents.ts';

const PUSH = aPush().id;
const UNIT = aTask().taskId;

/** One push, which has one task. */
const api = {
  resolvePush: (name = '') =>
    name === PUSH || name === '1a2b' ? Promise.resolve(PUSH) : Promise.reject(new NotFound('No push')),
  resolveTask: (name: string) =>
    name === 'unit' ? Promise.resolve(UNIT) : Promise.reject(new NotFound(`No task "${name}"`)),
};

describe('what shall run again', () => {
  it('is a task, or what failed of a push', async () => {
    expect(await resolveTasks(api, { name: 'unit', failed: false })).toEqual({
      pushId: PUSH,
      tasks: ['unit'],
    });
    expect(await resolveTasks(api, { name: '1a2b', failed: true })).toEqual({
      pushId: PUSH,
      tasks: 'failed',
    });
  });

  it.each(['1a2b', PUSH])('is not said by a push alone (%s): both ways to go on are named', async (name) => {
    const resolved = resolveTasks(api, { name, failed: false });

    await expect(resolved).rejects.toThrow(UsageError);
    await expect(resolved).rejects.toThrow(`slipway rerun TASK --push ${name}`);
    await expect(resolved).rejects.toThrow(`slipway rerun --failed ${name}`);
  });

  it('is not there where the word names nothing', async () => {
    await expect(resolveTasks(api, { name: 'x', failed: false })).rejects.toThrow('No task "x"');
  });
});
