import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import type { ImageRegistry } from '../helpers/image-registry.ts';
import { startImageRegistry } from '../helpers/image-registry.ts';
import { docker, statesOf } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const plain = { image: 'debian:bookworm', checkout: false };

let world: World;
let registry: ImageRegistry;
beforeAll(async () => {
  registry = await startImageRegistry({});
  world = await World.open({ base: false });
  await world.startWorker();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

async function push(tasks: Readonly<Record<string, unknown>>): Promise<PushDocument> {
  const repository = await world.createRepository();
  return world.push(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
}

const taskOf = ({ tasks }: PushDocument, label: string): PushDocument['tasks'][number] =>
  tasks.find((task) => task.label === label)!;

describe('a task', () => {
  it('waits for a registry that is in trouble, and ends at once when it has no such image', async () => {
    const reference = `${registry.host}/busy:1`;
    await registry.put('busy', '1', { 'bin/true': tinyProgram('it runs\n') });
    registry.refuse('busy', { status: 503 }, 2);
    registry.refuse('none', { status: 404, code: 'MANIFEST_UNKNOWN' });

    const document = await push({
      busy: { image: reference, command: ['/bin/true'], checkout: false },
      none: { image: `${registry.host}/none:1`, command: ['/bin/true'], checkout: false },
    });
    await docker('image', 'rm', reference).catch(() => undefined);

    expect(statesOf(document)).toEqual({
      busy: 'completed/completed',
      none: 'exception/resource-unavailable',
    });
    const { taskId } = taskOf(document, 'busy');
    const log = await world.log(taskId);
    expect(log).toContain('503 Service Unavailable');
    const [run] = (await world.live.api.task(taskId)).runs;
    expect(run).toMatchObject({ registryDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(log).toContain(`Image ${reference} (${run?.registryDigest}) pulled (`);
    expect(log).not.toContain('was there');
    expect(run?.phases.queueMs).toBeGreaterThanOrEqual(0);
  });

  it('that wants more memory than it may have ends as out-of-memory, with its limit and its peak', async () => {
    const hungry = { ...plain, resources: { memory: '64m' }, command: 'tail /dev/zero' };

    const document = await push({ hungry });

    expect(statesOf(document)).toEqual({ hungry: 'failed/out-of-memory' });
    const detail = 'more memory was needed than its limit of 64 MiB, peak 64 MiB';
    const { taskId, ...shown } = taskOf(document, 'hungry');
    expect(shown).toMatchObject({ detail, runs: [{ peakMemoryBytes: 64 * 1024 * 1024, exitCode: 137 }] });
    expect(await world.log(taskId)).toContain(`failed/out-of-memory: ${detail}.`);
    const env = { SLIPWAY_HOME: world.home };
    const status = await runSlipway(['status', document.id], { cwd: world.home, env });
    expect(status.stdout).toContain(`out-of-memory. ${detail}`);
    expect(status.stdout).toContain(', peak 64 MiB');
  });

  it('that wants something where its image has something else is malformed, and says where', async () => {
    const makes = {
      ...plain,
      command: 'echo made > /made',
      artifacts: { 'public/made': { type: 'file', path: '/made' } },
    };
    const takes = (path: string) => ({
      ...plain,
      dependencies: ['makes'],
      inputs: { [path]: { task: 'makes', artifact: 'public/made' } },
      command: 'true',
    });

    const document = await push({
      makes,
      checkout: { image: plain.image, checkout: '/etc/passwd', command: 'true' },
      below: takes('/etc/passwd/made'),
      above: takes('/usr/lib'),
    });

    expect(statesOf(document)).toEqual({
      makes: 'completed/completed',
      checkout: 'exception/malformed-payload',
      below: 'exception/malformed-payload',
      above: 'exception/malformed-payload',
    });
    expect(taskOf(document, 'checkout').detail).toContain('"/etc/passwd"');
    expect(taskOf(document, 'below').detail).toContain('"/etc/passwd/made"');
    expect(taskOf(document, 'above').detail).toContain('"/usr/lib"');
  });

  it('takes a directory without files as one, also by a route', async () => {
    const look = 'find /in -type d | sort; find /in -type f | wc -l';
    const makes = {
      ...plain,
      command: 'mkdir -p /none/below && ln -s nowhere /none/link',
      artifacts: {
        'public/none': { type: 'directory', path: '/none' },
        'public/volume': { type: 'volume', path: '/volume' },
      },
      routes: ['none.latest'],
    };
    const takes = {
      ...plain,
      dependencies: ['makes'],
      inputs: {
        '/in/none': { task: 'makes', artifact: 'public/none' },
        '/in/volume': { task: 'makes', artifact: 'public/volume' },
      },
      command: look,
    };
    const routed = {
      ...plain,
      inputs: { '/in/none': { namespace: 'none.latest', artifact: 'public/none' } },
      command: look,
    };

    const document = await push({ makes, takes });
    const later = await push({ routed });

    expect(statesOf(document)).toEqual({ makes: 'completed/completed', takes: 'completed/completed' });
    expect(statesOf(later)).toEqual({ routed: 'completed/completed' });
    expect(await world.log(taskOf(document, 'takes').taskId)).toContain('/in\n/in/none\n/in/volume\n0\n');
    expect(await world.log(taskOf(later, 'routed').taskId)).toContain('/in\n/in/none\n0\n');
    const env = { SLIPWAY_HOME: world.home };
    const { taskId } = taskOf(document, 'makes');
    const listed = await runSlipway(['artifacts', taskId], { cwd: world.home, env });
    expect(listed.stdout).toMatch(/public\/none +0 B +inode\/directory/);
    const options = { cwd: world.home, env };
    const fetched = await runSlipway(['download', taskId, 'public/none', '-o', 'fetched'], options);
    expect(fetched).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('an empty directory') });
    expect(await readdir(join(world.home, 'fetched'))).toEqual([]);
    const printed = await runSlipway(['download', taskId, 'public/none', '-o', '-'], options);
    expect(printed).toMatchObject({ exitCode: 2, stdout: '' });
    expect(existsSync(join(world.home, '-'))).toBe(false);
  });
});
