import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { cleanEnvironment } from '../../helpers/run-slipway.ts';
import { startSilentServer } from '../../helpers/silent-server.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/slipway', import.meta.url));

/** Less than the store is asked again for, and time enough for a process to start on a busy machine. */
const LIMIT_MS = 60_000;

describe('Ctrl-C while the store accepts connections and says nothing', () => {
  it.each([
    [['status']],
    [['watch']],
    [['logs', 'unit']],
    [['artifacts', 'unit']],
    [['download', 'unit', 'public/x']],
    [['pushes']],
  ])(
    'ends slipway %j at once',
    async (args) => {
      using scratch = scratchDirectory();
      await using store = await startSilentServer();
      const env = {
        ...cleanEnvironment(),
        SLIPWAY_HOME: scratch.path,
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        SLIPWAY_S3_ENDPOINT: store.url,
        SLIPWAY_S3_BUCKET: 'b',
        AWS_ACCESS_KEY_ID: 'a',
        AWS_SECRET_ACCESS_KEY: 's',
      };
      const slipway = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr] = [text(slipway.stdout), text(slipway.stderr)];
      const exit = once(slipway, 'exit');
      try {
        await store.asked;
        const began = performance.now();

        slipway.kill('SIGINT');

        expect(await exit).toEqual([130, null]);
        expect(performance.now() - began).toBeLessThan(LIMIT_MS / 3);
        expect([await stdout, await stderr]).toEqual(['', '']);
      } finally {
        slipway.kill('SIGKILL');
      }
    },
    LIMIT_MS,
  );
});
