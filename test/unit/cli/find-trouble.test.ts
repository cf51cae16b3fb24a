import { expect, it } from '@jest/globals';
import { findTrouble } from '../../../client/cli/find-trouble.ts';
import { FakeApi } from '../../helpers/fake-api.ts';
import { aPush, aRun, aTask } from '../../helpers/push-documents.ts';

it('A task that failed is explained with the last fifty lines of its log', async () => {
  const api = new FakeApi();
  const unit = aTask({ state: 'failed', reason: 'failed', runs: [aRun({ state: 'failed', exitCode: 3 })] });
  const lines = Array.from({ length: 60 }, (_, line) => `line ${line}`);
  api.logs.set(unit.taskId, `${lines.join('\n')}\n`);

  const [trouble] = await findTrouble(api, aPush({ tasks: [unit] }), {
    signal: new AbortController().signal,
  });

  expect(trouble?.lastLines).toEqual(lines.slice(10));
});
