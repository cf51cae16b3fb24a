import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { dockerAt } from '../../../docker/client.ts';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { sidecarContext, sidecarImageTag } from '../../../docker/sidecar/sidecar-image.ts';
import { ensureSidecar } from '../../../docker/sidecar/sidecar.ts';
import type { Sidecar } from '../../../docker/sidecar/sidecar.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import { connectDevEngine, contextOf, DEV_ENGINE, NO_BLOBS, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 300_000;

describe('a sidecar', () => {
  const fleet = testFleet();
  const host = dockerAt(DEV_ENGINE);
  let runtimeDirectory: string;
  let hostEngine: Engine;

  beforeAll(async () => {
    runtimeDirectory = await mkdtemp(join(tmpdir(), 'sw-'));
    hostEngine = await connectDevEngine(fleet);
    if (await hostEngine.images.find(sidecarImageTag())) return;
    await hostEngine.images.build(sidecarContext(), {
      imageName: 'sidecar',
      tag: sidecarImageTag(),
      args: {},
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
      onOutput: () => undefined,
    });
  }, TEST_TIMEOUT_MS);
  afterAll(async () => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await hostEngine.close();
    await rm(runtimeDirectory, { recursive: true });
  }, TEST_TIMEOUT_MS);

  function ensure(): Promise<Sidecar> {
    return ensureSidecar({
      host: DEV_ENGINE,
      fleet,
      domain: 'demo~pr7',
      level: 1,
      image: sidecarImageTag(),
      runtimeDirectory,
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
    });
  }

  it(
    'builds by an engine of its own, is adopted, survives its death with its data, and leaves nothing',
    async () => {
      const sidecar = await ensure();
      const inside = await connectEngine({
        address: sidecar.address,
        blobs: NO_BLOBS,
        reach: { kind: 'none' },
        fleet,
      });
      await copyImage('debian:bookworm', sidecar.address);

      let output = '';
      const dockerfile = [
        'FROM debian:bookworm',
        'SHELL ["bash", "-c"]',
        `RUN (exec 3<>/dev/tcp/127.0.0.1/${sidecar.reach.port}) || echo "nobody there"`,
        'RUN apt-get update',
      ];
      const built = await inside.images.build(contextOf({ Dockerfile: dockerfile.join('\n') }), {
        imageName: 'inside',
        tag: 'slipway.invalid/inside:1',
        args: {},
        signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
        onOutput: (text) => (output += text),
      });
      expect(output).toContain('nobody there');
      expect(await inside.images.find('slipway.invalid/inside:1')).toBe(built.engineImageId);
      expect(await hostEngine.images.find('slipway.invalid/inside:1')).toBeUndefined();

      const before = await host.getContainer(await nameOfSidecar()).inspect();
      expect((await ensure()).address).toBe(sidecar.address);
      expect((await host.getContainer(before.Id).inspect()).State.StartedAt).toBe(before.State.StartedAt);

      const networks = { filters: { label: [`${LABEL.fleet}=${fleet}`] } };
      await sidecar.stop();
      await sidecar.stop();
      expect(await host.listNetworks(networks)).toEqual([]);
      await ensure();
      expect(await host.listNetworks(networks)).toHaveLength(1);
      expect(await inside.images.find('slipway.invalid/inside:1')).toBe(built.engineImageId);

      const name = await nameOfSidecar();
      const killed = await host.getContainer(name).inspect();
      await host.getContainer(name).kill();
      const again = await ensure();
      expect(again.address).toBe(sidecar.address);
      expect(await inside.images.find('slipway.invalid/inside:1')).toBe(built.engineImageId);

      const { Id, State } = await host.getContainer(name).inspect();
      expect(Id).toBe(killed.Id);
      await again.remove();
      await again.remove();
      expect(await hostEngine.containers.list({ [LABEL.fleet]: fleet })).toEqual([]);
      expect(await host.listNetworks(networks)).toEqual([]);
      expect(
        (await host.listVolumes({ filters: { label: [`${LABEL.fleet}=${fleet}`] } })).Volumes ?? [],
      ).toEqual([]);
      expect(existsSync(`/proc/${State.Pid}`)).toBe(false);
      expect(await readFile('/proc/mounts', 'utf8')).not.toContain(Id);
      await inside.close();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'forwards its loopback to the socket of the worker',
    async () => {
      const sidecar = await ensure();
      const asked: (string | undefined)[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url);
        response.end('{}');
      });
      await new Promise<void>((resolve) => server.listen(sidecar.reach.socketPath, resolve));
      try {
        // Only an engine inside can ask: a pull by it arrives here.
        const inside = dockerAt(sidecar.address);
        await inside
          .createImage({ fromImage: `127.0.0.1:${sidecar.reach.port}/image`, tag: 'latest' })
          .catch(() => undefined);
        expect(asked).toContain('/v2/');
      } finally {
        await new Promise((resolve) => server.close(resolve));
        await sidecar.remove();
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'builds of repositories, which takes a git in it',
    async () => {
      const sidecar = await ensure();
      const serve = [
        'git init -q -b main /tmp/served/demo.git && cd /tmp/served/demo.git',
        'printf "FROM scratch\\nCOPY Dockerfile /\\n" > Dockerfile && git add .',
        'git -c user.name=a -c user.email=a@example.org commit -q -m first',
        'git daemon --detach --listen=127.0.0.1 --export-all --base-path=/tmp/served',
      ].join(' && ');
      const exec = await host
        .getContainer(await nameOfSidecar())
        .exec({ Cmd: ['sh', '-c', serve], AttachStdout: true, AttachStderr: true });
      expect(await text(await exec.start({}))).toBe('');
      const inside = dockerAt(sidecar.address);

      const remote = 'git://127.0.0.1/demo.git#main';
      const said = await text(
        await inside.buildImage(Readable.from([]), { remote, version: '2', t: 'slipway.invalid/of-git:1' }),
      );

      expect(said).toContain('moby.image.id');
      expect(await inside.getImage('slipway.invalid/of-git:1').inspect()).toMatchObject({ Os: 'linux' });
      await sidecar.remove();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'goes by the proxy that its builder goes by, in what it pulls and in what its builds do, but never on its loopback',
    async () => {
      const direct = await ensure();
      const { Id, NetworkSettings } = await host.getContainer(await nameOfSidecar()).inspect();
      const [gateway] = Object.values(NetworkSettings.Networks).map(({ Gateway }) => Gateway);
      const byProxy: string[] = [];
      const byLoopback: string[] = [];
      const proxy = createServer((request, response) => {
        byProxy.push(request.url ?? '');
        response.writeHead(502).end();
      });
      proxy.on('connect', ({ url = '' }, socket) => {
        byProxy.push(url);
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      });
      const endpoint = createServer((request, response) => {
        byLoopback.push(request.url ?? '');
        response.end('{}');
      });
      await new Promise<void>((resolve) => proxy.listen(0, '0.0.0.0', resolve));
      await new Promise<void>((resolve) => endpoint.listen(direct.reach.socketPath, resolve));
      const address = `http://${gateway}:${(proxy.address() as AddressInfo).port}`;
      const variables = { HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: '.example' };
      const before = { ...process.env };
      Object.assign(process.env, variables);
      let builder: Engine | undefined;
      try {
        const sidecar = await ensure();
        const made = await host.getContainer(await nameOfSidecar()).inspect();
        expect(made.Id).not.toBe(Id);
        expect(made.Config.Env).toEqual(
          expect.arrayContaining([`HTTP_PROXY=${address}`, `HTTPS_PROXY=${address}`, 'NO_PROXY=.example']),
        );
        await ensure();
        expect((await host.getContainer(await nameOfSidecar()).inspect()).Id).toBe(made.Id);

        const inside = dockerAt(sidecar.address);
        for (const fromImage of ['registry.slipway.invalid/a', `127.0.0.1:${sidecar.reach.port}/b`])
          await inside.createImage({ fromImage, tag: 'latest' }).catch(() => undefined);
        expect(new Set(byProxy)).toEqual(new Set(['registry.slipway.invalid:443']));
        expect(byLoopback).toContain('/v2/');

        await copyImage('debian:bookworm', sidecar.address);
        const { images } = (builder = await connectEngine({
          address: sidecar.address,
          blobs: NO_BLOBS,
          reach: { kind: 'none' },
          fleet,
        }));
        let output = '';
        const dockerfile = 'FROM debian:bookworm\nRUN echo "by $HTTPS_PROXY but $NO_PROXY"';
        const build = (): ReturnType<Engine['images']['build']> =>
          images.build(contextOf({ Dockerfile: dockerfile }), {
            imageName: 'by-proxy',
            tag: 'slipway.invalid/by-proxy:1',
            args: {},
            signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
            onOutput: (text) => (output += text),
          });
        const first = await build();
        process.env['NO_PROXY'] = '.another.example';
        const second = await build();
        expect(output).toContain(`by ${address} but .example`);
        expect(second.engineImageId).toBe(first.engineImageId);
        expect(JSON.stringify(await inside.getImage(first.engineImageId).inspect())).not.toContain(address);
        expect(JSON.stringify(await inside.getImage(first.engineImageId).history())).not.toContain(address);
      } finally {
        for (const name of Object.keys(variables)) delete process.env[name];
        Object.assign(process.env, before);
        await builder?.close();
        for (const server of [proxy, endpoint]) await new Promise((resolve) => server.close(resolve));
        await direct.remove();
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that cannot start says so with the end of its log',
    async () => {
      await hostEngine.images.build(
        contextOf({
          Dockerfile: 'FROM debian:bookworm\nENTRYPOINT ["sh", "-c", "echo no engine here; exit 1"]',
        }),
        {
          imageName: 'broken',
          tag: `slipway.invalid/broken:${fleet}`,
          args: {},
          signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
          onOutput: () => undefined,
        },
      );
      const broken = ensureSidecar({
        host: DEV_ENGINE,
        fleet,
        domain: 'broken',
        level: 1,
        image: `slipway.invalid/broken:${fleet}`,
        runtimeDirectory,
        signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
      });
      await expect(broken).rejects.toMatchObject({
        type: 'EngineUnavailable',
        message: expect.stringContaining('no engine here'),
      });
      await removeFleet(DEV_ENGINE, fleet, { volumes: true });
      await hostEngine.images.remove(`slipway.invalid/broken:${fleet}`);
    },
    TEST_TIMEOUT_MS,
  );

  async function nameOfSidecar(): Promise<string> {
    const [found] = await hostEngine.containers.list({ [LABEL.fleet]: fleet, [LABEL.kind]: 'sidecar' });
    return found!.name;
  }

  async function copyImage(reference: string, to: string): Promise<void> {
    const saved = await host.getImage(reference).get();
    const loading = await dockerAt(to).loadImage(saved);
    for await (const _ of loading);
  }
});
