import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { dockerAt } from '../../../docker/client.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import {
  sidecarContext,
  sidecarEngineVersion,
  sidecarImageTag,
} from '../../../docker/sidecar/sidecar-image.ts';
import { connectDevEngine, contextOf, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { fleetTraces } from '../../helpers/fleet-traces.ts';
import { docker } from '../../helpers/live-stack.ts';

const TEST_TIMEOUT_MS = 300_000;
const BASE = 'debian:bookworm';
jest.setTimeout(TEST_TIMEOUT_MS);

describe('a private engine', () => {
  const fleet = testFleet();
  const name = `slipway-${fleet}-0-dind`;
  const client = `slipway.invalid/client:${fleet}`;
  const labels = { [LABEL.task]: 'task/demo/1/abc/dind', [LABEL.run]: '0', [LABEL.level]: '1' };
  const resources = { pids: 256, shmBytes: 67_108_864 };
  const host = dockerAt(DEV_ENGINE);
  let engine: Engine;
  let directory: string;
  /** The private engine through its filter, as the task has it. */
  let inside: Docker;
  /** As it was told when that was ready. */
  let version: string | undefined;

  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
    directory = await mkdtemp(join(tmpdir(), 'sw-'));
    if (!(await engine.images.find(sidecarImageTag()))) await makeSidecarImage();
    // The same image has a docker client.
    await build(client, `FROM ${sidecarImageTag()}\nENTRYPOINT []\n`);
    const made = await make(name);
    const { socket } = made;
    version = made.version;
    // A socket's path may have 107 bytes.
    await symlink(socket, join(directory, 'docker.sock'));
    inside = dockerAt(`unix://${join(directory, 'docker.sock')}`);
    await engine.containers.ensureCreated(
      {
        ...{ name, engineImageId: client, command: ['sleep', '600'], env: {}, labels, resources },
        dockerSocket: socket,
      },
      AbortSignal.timeout(TEST_TIMEOUT_MS),
    );
    await engine.containers.start(name);
    // All of an image, as one tar, through the filter.
    const saved = await host.getImage(BASE).get();
    await text(await inside.loadImage(saved));
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    await engine.privateEngines.remove(name);
    await engine.containers.remove(name);
    await engine.images.remove(client);
    await engine.close();
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await rm(directory, { recursive: true });
    expect(await fleetTraces(fleet)).toEqual([]);
  }, TEST_TIMEOUT_MS);

  function make(
    container: string,
    more: { readonly cpus?: number } = {},
  ): Promise<{ readonly socket: string; readonly version?: string }> {
    const spec = { container, image: sidecarImageTag(), makeImage: makeSidecarImage, labels };
    const wanted = { ...spec, resources: { ...resources, ...more } };
    return engine.privateEngines.make(wanted, AbortSignal.timeout(TEST_TIMEOUT_MS));
  }

  function makeSidecarImage(): Promise<void> {
    return build(sidecarImageTag(), undefined);
  }

  async function build(
    tag: string,
    dockerfile: string | undefined,
    args: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const context = dockerfile === undefined ? sidecarContext() : contextOf({ Dockerfile: dockerfile });
    await engine.images.build(context, {
      ...{ imageName: 'test', tag, args, signal: AbortSignal.timeout(TEST_TIMEOUT_MS) },
      onOutput: () => undefined,
    });
  }

  /** What a shell in the task's container prints, errors too, and its exit code. */
  async function inTask(script: string): Promise<string> {
    return docker('exec', name, 'sh', '-c', `(${script}) 2>&1; echo "exit $?"`);
  }

  it('is the task’s own: it has none of the containers of the engine beside it', async () => {
    const [mine, hosts] = [await inside.info(), await host.info()];
    expect(mine.ID).not.toBe(hosts.ID);
    expect(await inside.listContainers({ all: true })).toEqual([]);
    expect(await inTask('docker run --rm debian:bookworm echo hello')).toBe('hello\nexit 0');
  });

  it('is of the version that was chosen, and says so', async () => {
    expect(version).toBe((await inside.version()).Version);
    expect(version?.split('+')[0]).toBe(sidecarEngineVersion());
  });

  it('of a version that the distribution has not is refused by that, with those that it has', async () => {
    const asked = build(`${client}-other`, undefined, { ENGINE_VERSION: '1.2.3' });

    await expect(asked).rejects.toMatchObject({
      type: 'ImageBuildFailed',
      lastWords: expect.stringMatching(/no Docker Engine 1\.2\.3 in the distribution, but/),
    });
  });

  it('whose task names more processors than the engine beside it has is given all of them', async () => {
    const other = `slipway-${fleet}-1-dind`;
    const { cpus } = await engine.info();
    try {
      await make(other, { cpus: cpus + 100 });
      const { HostConfig } = await host.getContainer(`${other}-dind`).inspect();
      expect(HostConfig.NanoCpus).toBe(cpus * 1e9);
    } finally {
      await engine.privateEngines.remove(other);
      await engine.containers.remove(other);
    }
  });

  it('builds by both ways of the client, saves and loads', async () => {
    const write = "printf 'FROM debian:bookworm\\nRUN echo built > /built\\n' > /tmp/c/Dockerfile";
    expect(await inTask(`mkdir -p /tmp/c && ${write} && docker build -q -t mine /tmp/c`)).toMatch(/exit 0$/);
    expect(await inTask('docker run --rm mine cat /built')).toBe('built\nexit 0');
    expect(await inTask('DOCKER_BUILDKIT=1 docker build -t kit /tmp/c')).toMatch(/exit 0$/);
    expect(await inTask('docker run --rm kit cat /built')).toBe('built\nexit 0');
    const roundTrip = 'docker save mine > /tmp/i.tar && docker rmi -f mine && docker load -i /tmp/i.tar';
    expect(await inTask(roundTrip)).toMatch(/Loaded image: mine:latest\nexit 0$/);
  });

  it('hands streams on in both directions, and the end of an input', async () => {
    expect(await inTask('echo abc | docker run --rm -i debian:bookworm rev')).toBe('cba\nexit 0');
    await inTask('docker run -d --name bg debian:bookworm sleep 300');
    expect(await inTask('echo "exit 7" | docker exec -i bg sh')).toBe('exit 7');
    const bytes = 'head -c 30000000 /dev/zero | docker exec -i bg sha256sum';
    const want = 'head -c 30000000 /dev/zero | sha256sum';
    expect(await inTask(bytes)).toBe(await inTask(want));
    expect(
      await inTask('docker cp /etc/hostname bg:/tmp/h && docker exec bg cat /tmp/h && docker rm -f bg'),
    ).toBe(`${(await docker('exec', name, 'cat', '/etc/hostname')).trim()}\nbg\nexit 0`);
  });

  it('publishes ports at the name docker, where its task reaches them, and not at localhost', async () => {
    const accept = 'while ($c = $s->accept) { print $c "served\\n"; close $c }';
    const serve = `perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalPort => 80) or die; ${accept}'`;
    const ask = (where: string): string =>
      `timeout 5 bash -c "exec 3<>/dev/tcp/${where}/8080 && cat <&3" 2> /dev/null`;
    await inTask(`docker run -d --name web -p 8080:80 debian:bookworm ${serve}`);
    const untilServed = `until said=$(${ask('docker')}) && [ -n "$said" ]; do sleep 0.2; done; echo "$said"`;

    expect(await inTask(`timeout 60 bash -c '${untilServed.replaceAll("'", "'\\''")}'`)).toBe(
      'served\nexit 0',
    );
    expect(await inTask(ask('localhost'))).toBe('exit 1');
    await inTask('docker rm -f web');
  });

  it.each([
    ['--privileged'],
    ['-v /:/host'],
    ['--mount type=bind,source=/run/slipway-engine,target=/x'],
    ['--pid host'],
    ['--ipc host'],
    ['--network host'],
    ['--uts host'],
    ['--cap-add SYS_ADMIN'],
    ['--device /dev/null:/dev/x'],
    ['--security-opt seccomp=unconfined'],
    ['--security-opt apparmor=unconfined'],
    ['--cgroup-parent /x'],
    ['--sysctl net.ipv4.ip_forward=1'],
    ['--mount type=volume,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/'],
    ['--log-driver syslog'],
  ])('refuses docker run %s, as an engine would', async (option) => {
    expect(await inTask(`docker run --rm ${option} ${BASE} true`)).toMatch(
      /Error response from daemon: Slipway refuses .*[\s\S]*exit 125$/,
    );
  });

  it('refuses the host’s network under its id too', async () => {
    const [hostNetwork] = await inside.listNetworks({ filters: { name: ['host'] } });
    expect(await inTask(`docker run --rm --network ${hostNetwork?.Id} ${BASE} true`)).toMatch(
      /Slipway refuses/,
    );
    expect(await inTask(`docker run --rm --network ${hostNetwork?.Id.slice(0, 6)} ${BASE} true`)).toMatch(
      /Slipway refuses/,
    );
    expect(
      await inTask(`docker run -d --name joins ${BASE} sleep 60; docker network connect host joins`),
    ).toMatch(/exit 1$/);
    expect(await inTask(`docker network create own && docker run --rm --network own ${BASE} true`)).toMatch(
      /exit 0$/,
    );
    await inTask('docker rm -f joins; docker network rm own');
  });

  it('refuses privileged exec, host builds by both ways, plugins and swarm', async () => {
    await inTask(`docker run -d --name box ${BASE} sleep 60`);
    expect(await inTask('docker exec --privileged box true')).toMatch(/Slipway refuses/);
    const context = `mkdir -p /tmp/n && printf 'FROM ${BASE}\\nRUN true\\n' > /tmp/n/Dockerfile`;
    for (const kit of [0, 1]) {
      const build = `${context} && DOCKER_BUILDKIT=${kit} docker build --network host /tmp/n`;
      expect(await inTask(build)).toMatch(/Slipway refuses[\s\S]*exit 1$/);
    }
    expect(await inTask('docker plugin install x/y --grant-all-permissions')).toMatch(
      /Slipway refuses|exit 1/,
    );
    expect(await inTask('docker swarm init')).toMatch(/Slipway refuses/);
    await inTask('docker rm -f box');
  });

  it('lets its own socket into containers of the task, where the same is refused', async () => {
    const own = '-v /var/run/docker.sock:/var/run/docker.sock';
    await inTask(`docker rm -f nested`);
    await text(await inside.loadImage(await host.getImage(client).get()));
    expect(await inTask(`docker run --rm ${own} ${client} docker run --rm ${BASE} echo deep`)).toBe(
      'deep\nexit 0',
    );
    expect(await inTask(`docker run --rm ${own} ${client} docker run --privileged ${BASE} true`)).toMatch(
      /Slipway refuses/,
    );
  });

  it('tells what it refused, and that it has ended', async () => {
    const refused: string[] = [];
    const signal = AbortSignal.timeout(60_000);
    const followed = engine.privateEngines.follow(name, {
      ...{ signal, onlyNew: true },
      onRefused: (what) => refused.push(what),
    });
    expect(await inTask(`docker run --privileged ${BASE} true`)).toMatch(/exit 125$/);
    expect(await engine.privateEngines.state(name)).toEqual({ isRunning: true, outOfMemory: false });
    await host.getContainer(`${name}-dind`).kill();
    await followed;
    expect(refused).toEqual([expect.stringContaining('privileged')]);
    expect(await engine.privateEngines.state(name)).toEqual({ isRunning: false, outOfMemory: false });
    expect(await inTask('docker ps')).toMatch(/Cannot connect[\s\S]*exit 1$/);
  });

  it('whose filter is killed ends with it', async () => {
    const other = `slipway-${fleet}-${randomBytes(2).toString('hex')}`;
    await make(other);
    await docker('exec', `${other}-dind`, 'sh', '-c', 'kill -9 $(pidof node)');
    await engine.privateEngines.follow(other, {
      ...{ signal: AbortSignal.timeout(60_000), onlyNew: false },
      onRefused: () => undefined,
    });
    expect(await engine.privateEngines.state(other)).toMatchObject({ isRunning: false });
    await engine.privateEngines.remove(other);
    await engine.containers.remove(other);
  });

  it('that nobody needs any more is swept, with its data', async () => {
    const other = `slipway-${fleet}-${randomBytes(2).toString('hex')}`;
    await make(other);
    await sweepContainers(engine, { fleet, isNobodys: () => Promise.resolve(false) });
    expect(await engine.privateEngines.state(other)).toMatchObject({ isRunning: true });
    await sweepContainers(engine, { fleet, isNobodys: () => Promise.resolve(true) });
    expect(await fleetTraces(fleet)).toEqual([]);
  });

  it('that cannot start says so with the end of its log', async () => {
    const broken = `slipway.invalid/broken:${fleet}`;
    await build(broken, 'FROM debian:bookworm\nENTRYPOINT ["sh", "-c", "echo no engine here; exit 1"]');
    const made = engine.privateEngines.make(
      {
        ...{ container: `${name}-b`, image: broken, makeImage: makeSidecarImage, labels, resources },
      },
      AbortSignal.timeout(60_000),
    );
    await expect(made).rejects.toMatchObject({
      type: 'EngineUnavailable',
      message: expect.stringContaining('no engine here'),
    });
    await engine.privateEngines.remove(`${name}-b`);
    await engine.containers.remove(`${name}-b`);
    await engine.images.remove(broken);
  });
});
