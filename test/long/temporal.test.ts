import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Http2Session } from 'node:http2';
import { createServer } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { docker, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(400_000);

/** Long enough for the whole of the trouble. */
const LINES = 100;
const COUNTS = `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); sleep 1; done`;

/** Processor time that a process has used, in ticks of 10 ms. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

describe('Temporal unreachable for the workers and for people', () => {
  it('cut, refused for a minute, hanging, slow: no process ends or spins, no container dies, no run is spent; verbs say it', async () => {
    await using world = await World.open({ via: ['temporal'] });
    const worker = await world.startWorker();
    const proxy = world.proxy('temporal');
    const repository = await world.createRepository();
    const long = { image: 'debian:bookworm', command: COUNTS, checkout: false };
    const revision = await repository.commit({
      'docker/Dockerfile': 'FROM debian:bookworm\nRUN sleep 40 && echo made > /made\n',
      'slipway.yml': {
        version: 1,
        images: { slow: { context: 'docker' } },
        tasks: {
          long,
          imaged: { image: { 'in-tree': 'slow' }, command: 'cat /made', checkout: false },
          after: { ...long, command: 'true', dependencies: ['long'] },
        },
      },
    });
    const pushId = await world.start(repository, revision);
    const longId = `${pushId.replace('push/', 'task/')}/long`;
    const linesOf = async (): Promise<readonly string[]> =>
      (await world.log(longId).catch(() => '')).split('\n').filter((line) => line.startsWith('line '));
    await until(async () => (await linesOf()).length > 2);
    const [container] = await world.containers();
    const env = { SLIPWAY_HOME: world.home };
    const cli = (args: readonly string[]): ReturnType<typeof runSlipway> =>
      runSlipway(args, { cwd: repository.path, env, timeoutMs: 300_000 });
    const watching = cli(['watch', pushId]);

    proxy.cut();
    await until(async () => (await linesOf()).length > 5);
    await proxy.refuse();
    const [ticks, refused] = [await ticksOf(worker.pid), Date.now()];
    const [pushing, cancelling] = await Promise.all([
      cli(['push', '--rev', revision]),
      cli(['cancel', pushId]),
    ]);
    await delay(60_000 - (Date.now() - refused));
    const busy = ((await ticksOf(worker.pid)) - ticks) / 100 / ((Date.now() - refused) / 1000);
    proxy.hang();
    await delay(10_000);
    proxy.slow({ bytesPerSecond: 50_000, latencyMs: 50 });

    for (const said of [pushing, cancelling]) {
      expect(said.exitCode).toBe(3);
      expect(said.stderr).toMatch(/^slipway: Temporal at 127\.0\.0\.1:\d+ does not answer: [^\n]*\n$/);
    }
    expect(worker.hasEnded()).toBe(false);
    expect(busy).toBeLessThan(0.5);
    expect(await world.containers()).toContain(container);
    expect(await docker('inspect', '--format', '{{.State.Running}}', container ?? '')).toBe('true');
    const document = await world.verdict(pushId);
    expect(statesOf(document)).toEqual({
      after: 'completed/completed',
      imaged: 'completed/completed',
      long: 'completed/completed',
    });
    expect(outcomesOf(document)).toEqual({ slow: 'built' });
    // No run is spent, and the log has each line once.
    expect(document.tasks.map(({ runs }) => runs.map(({ run }) => run))).toEqual([[0], [0], [0]]);
    expect(await linesOf()).toEqual(Array.from({ length: LINES }, (_, i) => `line ${i}`));
    const watched = await watching;
    expect([watched.exitCode, watched.stderr]).toEqual([0, '']);
    proxy.pass();
    await until(async () => (await world.openWorkflows()).length === 0);
    expect(await world.containers()).toEqual([]);
  });
});

describe('Temporal that refuses its workers', () => {
  it('for a while (their rights were changed): the same process goes on afterwards, what ended meanwhile is not repeated', async () => {
    await using world = await World.open({ via: ['temporal'] });
    const worker = await world.startWorker();
    const repository = await world.createRepository();
    const task = { image: 'debian:bookworm', command: 'echo begun; sleep 10; echo ended', checkout: false };
    const revision = await repository.commit({
      'slipway.yml': { version: 1, tasks: { t: task, after: { ...task, dependencies: ['t'] } } },
    });
    const pushId = await world.start(repository, revision);
    const logOf = (label: string): Promise<string> =>
      world.log(`${pushId.replace('push/', 'task/')}/${label}`).catch(() => '');
    await until(async () => (await logOf('t')).includes('begun\n'));
    const proxy = world.proxy('temporal');

    await proxy.refuse();
    // gRPC's PERMISSION_DENIED.
    const denied = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' };
    let answers = 0;
    const server = createServer((_request, response) => {
      answers += 1;
      response.stream.respond(denied, { endStream: true });
    });
    const sessions = new Set<Http2Session>();
    server.on('session', (session) => sessions.add(session));
    server.listen('port' in proxy.address ? proxy.address.port : 0, '127.0.0.1');
    await once(server, 'listening');
    await until(async () => answers > 20 && (await logOf('t')).includes('ended\n'));
    const closed = once(server, 'close');
    server.close();
    for (const session of sessions) session.destroy();
    await closed;
    proxy.pass();
    const document = await world.verdict(pushId);

    expect(worker.hasEnded()).toBe(false);
    expect(statesOf(document)).toEqual({ after: 'completed/completed', t: 'completed/completed' });
    expect(document.tasks.map(({ runs }) => runs.length)).toEqual([1, 1]);
    expect((await logOf('t')).match(/begun\n/g)).toHaveLength(1);
    expect(await world.containers()).toEqual([]);
  });
});
