/**
 * The filter as a process beside the engine, in the same container: waits until the engine answers, then opens the socket that
 * the task has. Says on stdout `ready` with the engine's version, and then each refusal on a line.
 *
 *   node main.ts ENGINE_SOCKET OPEN_SOCKET
 */
import { chmod, rename, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createFilter } from './filter-server.ts';

const POLL_MS = 50;
/** A task of any user. */
const SOCKET_MODE = 0o666;

const [engineSocket = '', openSocket = ''] = process.argv.slice(2);

let version = await askVersion(engineSocket);
for (; version === undefined; version = await askVersion(engineSocket)) await delay(POLL_MS);
const filter = createFilter({
  engineSocket,
  onRefused: (what) => say('refused', what),
});
// Complete, or not there: whoever finds it may ask at once.
const aside = `${openSocket}.new`;
await rm(aside, { force: true });
await new Promise<void>((resolve) => filter.listen(aside, resolve));
await chmod(aside, SOCKET_MODE);
await rename(aside, openSocket);
say('ready', version);

function say(word: string, what: string): void {
  process.stdout.write(`${word} ${what.replaceAll(/[^\x20-\x7e]/g, '?')}\n`);
}

/** Undefined while the engine does not answer. */
function askVersion(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    request({ socketPath, path: '/version', agent: false }, (reply) => {
      json(reply).then(
        (answer) => resolve(reply.statusCode === 200 ? (answer as { Version: string }).Version : undefined),
        () => resolve(undefined),
      );
    })
      .once('error', () => resolve(undefined))
      .end();
  });
}
