import { randomUUID } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { planSidecar } from '../../docker/sidecar/sidecar-config.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { openStore } from '../../store/open-store.ts';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import { docker, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { imagesInSidecars, sidecarsOf } from '../helpers/sidecars.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** A push of one image whose build sleeps, and of a task in it. */
async function startBuild(
  world: World,
  {
    seconds,
    bytes = 1000,
    extra = '',
  }: { readonly seconds: number; readonly bytes?: number; readonly extra?: string },
): Promise<{ id: string; imageId: string; mark: string }> {
  const mark = randomUUID();
  const repository = await world.createRepository();
  const revision = await repository.commit({
    'docker/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} > /mark && sleep ${seconds}\nRUN head -c ${bytes} /dev/urandom > /fat${extra}\n`,
    'slipway.yml': {
      version: 1,
      images: { slow: { context: 'docker' } },
      tasks: { t: { image: { 'in-tree': 'slow' }, command: 'cat /mark', checkout: false } },
    },
  });
  const id = await world.start(repository, revision);
  const image = async (): Promise<string | undefined> =>
    (await world.openWorkflows()).find((open) => open.startsWith('image/'));
  await until(async () => (await image()) !== undefined);
  return { id, imageId: (await image()) ?? '', mark };
}

const isBuilding = async (mark: string): Promise<boolean> =>
  (await runningProcesses()).includes(`echo ${mark}`);

/** How often a log has a text. */
async function count(world: World, taskId: string, text: string): Promise<number> {
  return (await world.log(taskId).catch(() => '')).split(text).length - 1;
}

/** One image, built in one run, indexed once, and nothing of any attempt left. */
async function expectBuiltOnce(
  world: World,
  document: PushDocument,
  { mark }: { readonly mark: string },
): Promise<void> {
  if (document.state !== 'completed') throw new Error(await world.log(document.images[0]?.taskId ?? ''));
  expect(statesOf(document)).toEqual({ t: 'completed/completed' });
  expect(outcomesOf(document)).toEqual({ slow: 'built' });
  const [image] = document.images;
  const task = await world.live.api.task(image?.taskId ?? '');
  expect(task.runs.map(({ run, reason }) => `${run} ${reason ?? ''}`)).toEqual(['0 completed']);
  expect(await world.objects(`level-1/index/e2e/images/slow/${image?.imageHash ?? ''}`)).toHaveLength(1);
  await until(async () => !(await runningProcesses()).includes(mark));
  // Who was stopped clears up when it comes back.
  const left = /slipway\.invalid\/(build|parent)|127\.0\.0\.1/;
  await until(async () => !(await imagesInSidecars(world)).some((name) => left.test(name)));
  expect(await world.containers()).toEqual([]);
  expect(await world.openWorkflows()).toEqual([]);
}

describe('a builder', () => {
  it('killed at each phase of a build: the next one goes on, and one image is built, recorded and indexed', async () => {
    await using world = await World.open({ via: ['store'] });
    let control = await world.startWorker(1, ['control', 'runner']);
    let builder = await world.startWorker(1, ['builder']);
    const { id, imageId, mark } = await startBuild(world, { seconds: 8, bytes: 30_000_000 });
    const replaceAt = async (phase: () => Promise<boolean>): Promise<void> => {
      await until(phase);
      builder.kill('SIGKILL');
      builder = await world.startWorker(1, ['builder']);
    };
    const again = async (text: string): Promise<() => Promise<boolean>> => {
      const before = await count(world, imageId, text);
      return async () => (await count(world, imageId, text)) > before;
    };

    await replaceAt(await again('Building on'));
    await replaceAt(() => isBuilding(mark));
    world.proxy('store').slow({ bytesPerSecond: 3_000_000 });
    await replaceAt(async () => (await world.unfinishedUploads()).length > 0);
    world.proxy('store').pass();
    await until(async () => (await count(world, imageId, 'Published sha256:')) > 0);
    control.kill('SIGKILL');
    control = await world.startWorker(1, ['control', 'runner']);
    const document = await world.verdict(id);

    await expectBuiltOnce(world, document, { mark });
    // What the killed ones had half sent is invisible, and goes with the next sweep.
    const store = openStore({ ...world.connections.store, ...world.keys[1] });
    await store.sweep({ olderThan: new Date(Date.now() + 60_000) });
    store.close();
    expect(await world.unfinishedUploads()).toEqual([]);
    expect(await world.objects('uploads/')).toEqual([]);
  });

  it('drained by SIGTERM, and one stopped for longer than its heartbeat, hand a build on; who comes back changes nothing', async () => {
    await using world = await World.open();
    await world.startWorker(1, ['control', 'runner']);
    const drained = await world.startWorker(1, ['builder'], { arguments: ['--grace', '1'] });
    const build = await startBuild(world, { seconds: 12 });
    await until(() => isBuilding(build.mark));
    await drained.stop();

    const stopped: WorkerProcess = await world.startWorker(1, ['builder']);
    await until(() => isBuilding(build.mark));
    stopped.kill('SIGSTOP');
    await world.startWorker(1, ['builder']);
    const document = await world.verdict(build.id);
    stopped.kill('SIGCONT');

    await expectBuiltOnce(world, document, build);
  });
});

describe('a sidecar', () => {
  async function expectRepeated(world: World, harm: (sidecar: string) => Promise<unknown>): Promise<void> {
    const build = await startBuild(world, { seconds: 8 });
    await until(() => isBuilding(build.mark));
    const [sidecar = ''] = await sidecarsOf(world);
    await harm(sidecar);
    await expectBuiltOnce(world, await world.verdict(build.id), build);
  }

  it('that is killed, or removed with its data and its image, is made anew, and the build is repeated', async () => {
    await using world = await World.open();
    await world.startWorker();

    await expectRepeated(world, (sidecar) => docker('kill', sidecar));
    await expectRepeated(world, async (sidecar) => {
      const names = await docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', sidecar);
      await docker('rm', '--force', sidecar);
      await docker('volume', 'rm', names);
      // As `docker system prune -af` does with the image of a sidecar that is gone.
      await docker('rmi', '--force', process.env['SLIPWAY_TEST_SIDECAR_IMAGE'] ?? '');
    });
  });

  it('that hangs is started again, and the build is repeated', async () => {
    await using world = await World.open();
    await world.startWorker();

    await expectRepeated(world, (sidecar) => docker('pause', sidecar));
  });

  it('whose forwarder dies again and again while it publishes is pushed from again', async () => {
    await using world = await World.open({ via: ['store'] });
    await world.startWorker();
    const build = await startBuild(world, { seconds: 1, bytes: 20_000_000 });
    world.proxy('store').slow({ bytesPerSecond: 4_000_000 });
    await until(async () => (await world.unfinishedUploads()).length > 0);
    const [sidecar = ''] = await sidecarsOf(world);
    await docker('exec', sidecar, 'sh', '-c', 'kill -9 $(pidof socat)');
    world.proxy('store').pass();

    await expectBuiltOnce(world, await world.verdict(build.id), build);
  });

  it('whose disk is full is thrown away, and the build succeeds in a new one', async () => {
    await using world = await World.open();
    const { runnerEngine: host, fleet, runtimeDirectory } = world.connections;
    const signal = AbortSignal.timeout(60_000);
    const plan = planSidecar({ host, fleet, domain: 'e2e', level: 1, image: '', runtimeDirectory, signal });
    // A small disk in memory, until it is thrown away.
    const small = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=450m'];
    await docker('volume', 'create', '--driver', 'local', ...small, plan.name);
    await world.startWorker();
    const build = await startBuild(world, {
      seconds: 1,
      bytes: 400_000_000,
      extra: ' && head -c 1000 /fat > /few && rm /fat',
    });

    await expectBuiltOnce(world, await world.verdict(build.id), build);

    expect(await world.log(build.imageId)).toMatch(/no space left on device/i);
    expect(await docker('volume', 'inspect', '--format', '{{.Options}}', plan.name)).not.toContain('tmpfs');
  });
});
