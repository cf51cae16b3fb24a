import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Logs } from '../../../store/store.ts';
import { countReads } from '../../helpers/counted-reads.ts';

const taskId = taskIdIn(`push/demo/1/${'a'.repeat(40)}`, 't');
const MIB = 1024 ** 2;

/** Logs whose chunks take the longer to come the earlier they were asked for. */
function slowLogs(changes: (objects: ObjectStore) => Partial<ObjectStore> = () => ({})) {
  const objects = createMemoryObjectStore();
  let asked = 0;
  const get: ObjectStore['get'] = async (...args) => {
    for (let turns = 20 - ((asked += 1) % 20); turns > 0; turns -= 1) await turn();
    return objects.get(...args);
  };
  const slow = { ...objects, get };
  const reads = countReads({ ...slow, ...changes(slow) });
  return { logs: createStore(reads.objects).logs, reads };
}

async function append(logs: Logs, count: number, textOf: (seq: number) => Buffer): Promise<Buffer> {
  const texts = Array.from({ length: count }, (_, seq) => textOf(seq));
  for (const [seq, text] of texts.entries()) await logs.append(taskId, 0, { seq, text, taskBytes: seq });
  return Buffer.concat(texts);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const aLine = (seq: number): Buffer => Buffer.from(`line ${seq}\n`);

describe('the chunks of a log', () => {
  it('are joined in order, many of them read at once', async () => {
    const { logs, reads } = slowLogs();
    const whole = await append(logs, 300, aLine);

    const record = await logs.finish(taskId, 0);

    expect(record).toMatchObject({ sizeBytes: whole.byteLength, sha256: sha256(whole) });
    expect(reads.mostAtOnce()).toBeGreaterThanOrEqual(16);
    expect(reads.mostAtOnce()).toBeLessThanOrEqual(32);
  });

  it('are read few at once where they are large', async () => {
    const { logs, reads } = slowLogs();
    const whole = await append(logs, 12, (seq) => Buffer.alloc(MIB, seq));

    const record = await logs.finish(taskId, 0);

    expect(record).toMatchObject({ sha256: sha256(whole) });
    expect(reads.mostAtOnce()).toBeGreaterThan(1);
    expect(reads.mostAtOnce()).toBeLessThanOrEqual(4);
  });

  it('are listed once to be joined, and once more as they are read', async () => {
    let listings = 0;
    const { logs } = slowLogs((objects) => ({
      list: (...args) => {
        listings += 1;
        return objects.list(...args);
      },
    }));
    await append(logs, 3, aLine);

    await logs.finish(taskId, 0);

    expect(listings).toBe(2);
  });

  it('end for their reader where the first one is gone, whatever came ahead of it', async () => {
    const { logs } = slowLogs((objects) => ({
      get: async (key, signal) => (key.endsWith('05') ? undefined : objects.get(key, signal)),
    }));
    await append(logs, 10, aLine);

    const read: number[] = [];
    for await (const { seq } of logs.chunks(taskId, 0)) read.push(seq);

    expect(read).toEqual([0, 1, 2, 3, 4]);
  });

  it('are joined by two at once to what each of them alone makes of it', async () => {
    let meanwhile: (() => Promise<unknown>) | undefined;
    const { logs } = slowLogs((objects) => ({
      async *list(...args) {
        yield* objects.list(...args);
        const work = meanwhile;
        meanwhile = undefined;
        await work?.();
      },
    }));
    const whole = await append(logs, 5, aLine);
    meanwhile = () => logs.finish(taskId, 0);

    const record = await logs.finish(taskId, 0);

    expect(record).toMatchObject({ sha256: sha256(whole) });
    expect(await logs.findLast(taskId, 0)).toEqual({ seq: 4, taskBytes: 4 });
    expect(await logs.isFinished(taskId, 0)).toBe(true);
  });
});
