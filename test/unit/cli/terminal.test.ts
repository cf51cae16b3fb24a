import { PassThrough, Writable } from 'node:stream';
import { setImmediate as soon } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createTerminal } from '../../../client/cli/terminal.ts';
import type { Terminal } from '../../../client/cli/terminal.ts';

const CHUNK = Buffer.alloc(200_000, 'x');

function terminalOn(stdout: Writable): Terminal {
  return createTerminal({ stdout, stderr: new PassThrough(), env: {}, quiet: false });
}

describe('bytes of an answer', () => {
  it('wait for whoever reads', async () => {
    const stdout = new PassThrough();
    let isWritten = false;
    const writing = terminalOn(stdout)
      .write(CHUNK)
      .then(() => (isWritten = true));

    await soon();
    expect(isWritten).toBe(false);
    stdout.resume();

    await writing;
  });

  it('are dropped where nobody reads any more', async () => {
    const errors: Error[] = [];
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    stdout.on('error', (error) => errors.push(error));
    const terminal = terminalOn(stdout);

    await terminal.write(CHUNK);
    await terminal.write(CHUNK);

    expect(errors).toHaveLength(1);
  });
});
