import { describe, expect, it } from '@jest/globals';
import { RunLog } from '../../../steps/run-log.ts';
import { SecretMask } from '../../../steps/secret-mask.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';

const KEY = 'hunter2-and-more';
const TASK = `task/demo/1/${'a'.repeat(40)}/unit`;

describe('a log from which secrets are hidden', () => {
  it('shows none of them when its writer is lost in the middle of one, and nothing twice or never', async () => {
    const { logs } = createStore(createMemoryObjectStore());
    const output = Buffer.from(`one ${KEY} two ${KEY} three\n`);
    const open = async (): Promise<RunLog> => {
      const log = await RunLog.open(logs, TASK, 0);
      log.hide(new SecretMask([Buffer.from(KEY)]));
      log.beginOutput();
      return log;
    };
    for (let cut = 0; cut < output.byteLength; cut += 5) {
      // Whoever comes reads the output from its beginning and skips what is in the log.
      const log = await open();
      await log.write(output.subarray(log.taskBytes, Math.max(cut, log.taskBytes)));
      await log.flush();
    }
    const last = await open();
    await last.write(output.subarray(last.taskBytes));
    last.endOutput();
    last.say(`The key is ${KEY}`);
    await last.flush();

    const chunks: Buffer[] = [];
    for await (const { text } of logs.chunks(TASK, 0, -1)) chunks.push(text);
    const text = Buffer.concat(chunks).toString();
    expect(text).toMatch(/^one \*\*\* two \*\*\* three\n\[slipway [^\]]+\] The key is \*\*\*\n$/);
    expect(last.taskBytes).toBe(output.byteLength);
  });
});
