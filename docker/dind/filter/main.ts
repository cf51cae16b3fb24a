/**
 * The filter as a process beside the engine, in the same container: waits until the engine answers, then opens the socket that
 * the task has. Says on stdout `ready`, and then each refusal on a line.
 *
 *   node main.ts ENGINE_SOCKET OPEN_SOCKET
 */
import { chmod, rename, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createFilter } from './filter-server.ts';

const POLL_MS = 50;
/** A task of any user. */
const SOCKET_MODE = 0o666;

const [engineSocket = '', openSocket = ''] = process.argv.slice(2);

while (!(await answers(engineSocket))) await delay(POLL_MS);
const filter = createFilter({
  engineSocket,
  onRefused: (what) => process.stdout.write(`refused ${what.replaceAll(/[^\x20-\x7e]/g, '?')}\n`),
});
// Complete, or not there: whoever finds it may ask at once.
const aside = `${openSocket}.new`;
await rm(aside, { force: true });
await new Promise<void>((resolve) => filter.listen(aside, resolve));
await chmod(aside, SOCKET_MODE);
await rename(aside, openSocket);
process.stdout.write('ready\n');

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    request({ socketPath, path: '/_ping', agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    })
      .once('error', () => resolve(false))
      .end();
  });
}
