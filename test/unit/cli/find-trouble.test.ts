import { expect, it } from '@jest/globals';
import { renderPush } from '../../../client/cli/render/push-text.ts';
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

it('A task that ended before any run is explained with its log too', async () => {
  const api = new FakeApi();
  const unit = aTask({ state: 'exception', reason: 'deadline-exceeded', detail: 'Its deadline came' });
  api.logs.set(unit.taskId, '[slipway:error] The task ended without a run\n');
  const document = aPush({ tasks: [unit] });

  const trouble = await findTrouble(api, document, { signal: new AbortController().signal });

  const shown = renderPush(document, { paint: (_style, text) => text, nowMs: 0, trouble });
  expect(shown.slice(-3)).toEqual([
    'unit: exception: deadline-exceeded. Its deadline came',
    '  | [slipway:error] The task ended without a run',
    `  the whole log: slipway logs ${unit.taskId}`,
  ]);
});

it('What failed by itself is explained before what only depends on it, and it is said how many more there are', async () => {
  const following = { state: 'exception', reason: 'dependency-failed' } as const;
  const tasks = [
    ...Array.from({ length: 12 }, (_, i) => aTask({ label: `after${i}`, ...following, runs: [] })),
    aTask({ label: 'unit', state: 'failed', reason: 'failed' }),
  ];
  const document = aPush({ tasks });

  const trouble = await findTrouble(new FakeApi(), document, { signal: new AbortController().signal });

  expect(trouble.map(({ name }) => name)).toEqual(['unit', ...tasks.slice(0, 9).map(({ label }) => label)]);
  const shown = renderPush(document, { paint: (_style, text) => text, nowMs: 0, trouble });
  expect(shown.at(-1)).toBe('3 more did not succeed: slipway logs LABEL says why');
});
