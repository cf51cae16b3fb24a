import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { renderPush } from '../../../client/cli/render/push-text.ts';
import { findTrouble } from '../../../client/cli/find-trouble.ts';
import { readLog } from '../../../client/read-task.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
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

describe('of a log of 50 MB', () => {
  const MIB = 1024 ** 2;
  const KIB = 1024;

  /** The explanation of a task whose log has such lines is right; gives how much of the log was read for it. */
  async function explain(lineOf: (n: number) => string): Promise<number> {
    const objects = createMemoryObjectStore();
    let bytesRead = 0;
    const count = async function* (body: Readable): AsyncGenerator<Buffer> {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytesRead += chunk.byteLength;
        yield chunk;
      }
    };
    const store = createStore({
      ...objects,
      async stream(key, options) {
        const body = await objects.stream(key, options);
        return body && Readable.from(count(body), { objectMode: false });
      },
    });
    const run = aRun({ state: 'failed', reason: 'failed', exitCode: 3 });
    const task = aTask({ state: 'failed', reason: 'failed', runs: [run] });
    const { taskId, label } = task;
    const ended = { state: 'failed', reason: 'failed', resolved: '2026-01-01T00:00:09.000Z' } as const;
    await store.tasks.change(taskId, () => ({
      ...{ version: 1, taskId, label, created: '2026-01-01T00:00:00.000Z', ...ended },
      runs: [{ run: 0, ...ended, phases: {}, artifacts: [] }],
    }));
    let n = 0;
    for (let seq = 0; seq < 50; seq += 1) {
      const lines: string[] = [];
      for (let bytes = 0; bytes < MIB; n += 1) bytes += lines[lines.push(`${lineOf(n)}\n`) - 1]!.length;
      await store.logs.append(taskId, 0, { seq, text: Buffer.from(lines.join('')), taskBytes: 0 });
    }
    await store.logs.finish(taskId, 0);
    bytesRead = 0;
    const api = Object.assign(new FakeApi(), {
      log: (id: string, options: Parameters<typeof readLog>[2]) => readLog(store, id, options),
    });

    const [trouble] = await findTrouble(api, aPush({ tasks: [task] }), {
      signal: new AbortController().signal,
    });

    const expected = Array.from({ length: 50 }, (_, at) => lineOf(n - 50 + at));
    expect(trouble?.lastLines).toEqual(expected);
    return bytesRead;
  }

  it('only the end is read for its last lines', async () => {
    const bytesRead = await explain((n) => `line ${n} ${'x'.repeat(100)}`);

    expect(bytesRead).toBe(64 * KIB);
  });

  it('more of the end is read where its lines are long', async () => {
    const bytesRead = await explain((n) => `line ${n} ${'x'.repeat(4_000)}`);

    expect(bytesRead).toBe((64 + 256) * KIB);
  });
});
