import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const room = pathToFileURL(join(import.meta.dirname, '..', '..', '..', 'workers', 'logger.ts')).href;

const withFullDevice = existsSync('/dev/full') ? it : it.skip;

withFullDevice(
  'A worker whose log is on a full disk loses lines and lives on, and logs again once there is room',
  async () => {
    await using directory = await temporaryDirectory('slipway-log-');
    const path = join(directory.path, 'worker.log');
    const script = `
    import { closeSync, openSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const { createLogger } = await import(${JSON.stringify(room)});
    const logger = createLogger('worker-1');
    for (const line of ['lost', 'lost too']) {
      logger.info(line);
      await sleep(50);
    }
    // The lowest number that is free, which is that of stderr.
    closeSync(2);
    openSync(${JSON.stringify(path)}, 'a');
    logger.info('kept');
    logger.info('the last');
    console.log('alive');
    process.exit(0);`;
    await using full = await open('/dev/full', 'w');

    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', full.fd],
    });
    const [said, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);

    expect([said, code]).toEqual(['alive\n', 0]);
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['kept', 'the last']);
  },
);
