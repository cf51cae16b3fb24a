import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import { dockerAt } from '../../../docker/client.ts';
import { wasOutOfMemory } from '../../../docker/containers/out-of-memory.ts';
import type { FileToPut } from '../../../docker/containers/put-files.ts';
import type { ContainerSpec, Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { connectDevEngine, contextOf, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;
/** Of a file that is not read before its turn. */
const LARGE_BYTES = 2 * MEBIBYTE;
/** The kernel's number of the capability. */
const SYS_PTRACE = 1n << 19n;

function toPut(path: string, parts: readonly string[]): FileToPut {
  const open = (): Promise<Readable> => Promise.resolve(Readable.from(parts));
  return { path, sizeBytes: Buffer.byteLength(parts.join('')), open };
}

describe('a container', () => {
  const fleet = testFleet();
  const tag = `slipway.invalid/container-test:${fleet}`;
  const bareTag = `${tag}-bare`;
  const entrypointTag = `${tag}-entrypoint`;
  let engine: Engine;
  let signal: AbortSignal;
  let count = 0;

  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
    const dockerfile = [
      'FROM debian:bookworm',
      'RUN groupadd -g 4321 crew && useradd -u 1234 -g crew -m worker && mkdir /made && ln -s /made/real /link && ln -s link /twice',
      'RUN chmod 750 /home/worker && mkdir -m 711 /opt/its && ln -s its /opt/link && ln -s /nowhere /opt/lost',
      'RUN ln -s circle2 /circle1 && ln -s circle1 /circle2 && mkfifo /fifo && echo inside > /made/real',
      'USER worker',
    ];
    await build(tag, dockerfile);
    await build(bareTag, ['FROM debian:bookworm', 'CMD []', 'ENTRYPOINT []', 'RUN touch /bare']);
    await build(entrypointTag, [
      'FROM debian:bookworm',
      'ENTRYPOINT ["echo", "of the image:"]',
      'RUN touch /own',
    ]);
  }, TEST_TIMEOUT_MS);
  beforeEach(() => {
    signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
  });
  afterAll(async () => {
    const left = await engine.containers.list({ [LABEL.fleet]: fleet });
    await Promise.all(left.map(({ name }) => engine.containers.remove(name)));
    for (const name of [tag, bareTag, entrypointTag]) await engine.images.remove(name);
    await engine.close();
  }, TEST_TIMEOUT_MS);

  async function build(name: string, dockerfile: readonly string[]): Promise<void> {
    await engine.images.build(contextOf({ Dockerfile: dockerfile.join('\n') }), {
      imageName: 'worker',
      tag: name,
      args: {},
      labels: { [LABEL.fleet]: fleet },
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
      onOutput: () => undefined,
    });
  }

  function spec(command: readonly string[], more: Partial<ContainerSpec> = {}): ContainerSpec {
    return {
      name: `slipway-${fleet}-${(count += 1)}`,
      engineImageId: 'debian:bookworm',
      command,
      env: {},
      labels: { [LABEL.task]: 'task/demo/1/abc/unit' },
      resources: { pids: 256, shmBytes: 64 * MEBIBYTE },
      ...more,
    };
  }

  /** Creates and starts it, and gives its name. */
  async function started(command: readonly string[], more: Partial<ContainerSpec> = {}): Promise<string> {
    const wanted = spec(command, more);
    await engine.containers.ensureCreated(wanted, signal);
    await engine.containers.start(wanted.name);
    return wanted.name;
  }

  it(
    'gives its exit code, its environment, and its output in order',
    async () => {
      const command = ['sh', '-c', 'echo out $WORD; sleep 0.1; echo err >&2; sleep 0.1; pwd; exit 3'];
      const name = await started(command, { env: { WORD: 'a b' }, workingDirectory: '/src/deep' });
      const output = await text(await engine.containers.output(name, signal));
      const state = await engine.containers.wait(name, signal);
      expect(output).toBe('out a b\nerr\n/src/deep\n');
      expect(state).toMatchObject({ state: 'exited', exitCode: 3, outOfMemory: false });
      expect(Date.parse(state.finished!)).toBeGreaterThanOrEqual(Date.parse(state.started!));
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is adopted by a second create, and not started again once it has run',
    async () => {
      const wanted = spec(['sh', '-c', 'echo once']);
      const [one, two] = await Promise.all([
        engine.containers.ensureCreated(wanted, signal),
        engine.containers.ensureCreated(wanted, signal),
      ]);
      expect(one.id).toBe(two.id);
      await engine.containers.start(wanted.name);
      const ended = await engine.containers.wait(wanted.name, signal);
      expect(await engine.containers.ensureCreated(wanted, signal)).toEqual(ended);
      await engine.containers.start(wanted.name);
      expect(await engine.containers.wait(wanted.name, signal)).toEqual(ended);
      expect(await text(await engine.containers.output(wanted.name, signal))).toBe('once\n');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'says what its image has before every command',
    async () => {
      const plain = await engine.containers.ensureCreated(spec(['true']), signal);
      const behind = spec(['a b'], { engineImageId: entrypointTag });
      const { entrypoint } = await engine.containers.ensureCreated(behind, signal);
      await engine.containers.start(behind.name);

      expect(plain).not.toHaveProperty('entrypoint');
      expect(entrypoint).toEqual(['echo', 'of the image:']);
      expect(await text(await engine.containers.output(behind.name, signal))).toBe('of the image: a b\n');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'whose command does not exist or cannot be executed fails to start',
    async () => {
      await expect(started(['nothing-of-that-name'])).rejects.toMatchObject({
        type: 'ContainerStartFailed',
        exitCode: 127,
        retryable: false,
      });
      await expect(started(['/etc'])).rejects.toMatchObject({ type: 'ContainerStartFailed', exitCode: 126 });
      const without = spec([], { command: undefined, engineImageId: bareTag });
      await expect(engine.containers.ensureCreated(without, signal)).rejects.toMatchObject({
        type: 'ContainerStartFailed',
        exitCode: 127,
        message: expect.stringContaining('neither the task nor its image has a command'),
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'of an image that the engine lacks is not created, and leaves no network',
    async () => {
      const wanted = spec(['true'], { engineImageId: `sha256:${'0'.repeat(64)}` });
      await expect(engine.containers.ensureCreated(wanted, signal)).rejects.toMatchObject({
        type: 'ImageUnavailable',
      });
      expect(await networkCount(wanted.name)).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that takes more memory than it may is told from one that fails',
    async () => {
      const name = await started(['sh', '-c', 'tail /dev/zero'], {
        resources: { memoryBytes: 32 * MEBIBYTE, pids: 64, shmBytes: MEBIBYTE },
      });
      expect(await engine.containers.wait(name, signal)).toMatchObject({
        state: 'exited',
        outOfMemory: true,
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'was out of memory also where its state does not say so, since the engine heard of that too late; not when it was killed by hand',
    async () => {
      const docker = dockerAt(DEV_ENGINE);
      const resources = { memoryBytes: 32 * MEBIBYTE, pids: 64, shmBytes: MEBIBYTE };
      const hungry = await started(['sh', '-c', 'tail /dev/zero'], { resources });
      await engine.containers.wait(hungry, signal);
      const info = await docker.getContainer(hungry).inspect();
      const forgotten = { ...info, State: { ...info.State, OOMKilled: false } };
      const killed = await started(['sleep', '100'], { resources });
      await engine.containers.kill(killed);
      const ended = await engine.containers.wait(killed, signal);
      const told = Date.now();

      expect(await wasOutOfMemory(docker, forgotten, signal)).toBe(true);
      expect(ended).toMatchObject({ exitCode: 137, outOfMemory: false });
      // That is known at once; of one that ends so by itself only when no such event has come for a while.
      const { State } = await docker.getContainer(killed).inspect();
      expect(told - Date.parse(State.FinishedAt)).toBeLessThan(3_000);
      const itself = await started(['sh', '-c', 'exit 137'], { resources });
      expect(await engine.containers.wait(itself, signal)).toMatchObject({ outOfMemory: false });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that names more processors than the engine has is given all of them',
    async () => {
      const { cpus } = await engine.info();
      const named = { cpus: cpus + 100, pids: 64, shmBytes: MEBIBYTE };
      const name = await started(['true'], {
        resources: named,
        labels: { [LABEL.cpus]: String(named.cpus) },
      });
      const { HostConfig, Config } = await dockerAt(DEV_ENGINE).getContainer(name).inspect();
      expect(HostConfig.NanoCpus).toBe(cpus * 1e9);
      expect(Config.Labels[LABEL.cpus]).toBe(String(named.cpus));
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'tells how much memory it uses to whoever waits for its end',
    async () => {
      const name = await started([
        'sh',
        '-c',
        'head -c 30000000 /dev/zero | tail -c 30000000 >/dev/null; sleep 40',
      ]);
      let mostBytes = 0;
      await engine.containers.wait(name, signal, (bytes) => {
        const isTold = mostBytes > 25_000_000;
        mostBytes = Math.max(mostBytes, bytes);
        if (!isTold && mostBytes > 25_000_000) void engine.containers.kill(name);
      });
      expect(mostBytes).toBeGreaterThan(25_000_000);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'gives its output again from the beginning, the same bytes, while it runs and when it has ended',
    async () => {
      const script =
        'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done; head -c 3000000 /dev/urandom';
      const name = await started(['sh', '-c', script]);
      const [live, second] = await Promise.all([
        engine.containers.output(name, signal).then(buffer),
        engine.containers.output(name, signal).then(buffer),
      ]);
      const later = await engine.containers.output(name, signal).then(buffer);
      expect(live.length).toBeGreaterThan(3_000_000);
      expect(live.equals(second)).toBe(true);
      expect(live.equals(later)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'changes no byte of what is data, also where a letter lies on the edge of 16 KiB of one line',
    async () => {
      const line = `${'a'.repeat(16_383)}é${'b'.repeat(20_000)}ü`;
      const bytes = Buffer.concat([
        Buffer.from('short\n'),
        Buffer.from([255, 254, 0, 10]),
        Buffer.from(line),
      ]);
      const script = `head -c 16383 /dev/zero | tr '\\0' a; printf é; head -c 20000 /dev/zero | tr '\\0' b; echo ü`;
      const printing = spec(['sh', '-c', `printf 'short\\n\\377\\376\\0\\n'; ${script}; echo of >&2`], {
        printsData: true,
      });
      await engine.containers.ensureCreated(printing, signal);
      await engine.containers.start(printing.name);
      const live = await engine.containers.output(printing.name, signal, 'stdout').then(buffer);
      const later = await engine.containers.output(printing.name, signal, 'stdout').then(buffer);
      expect(live.subarray(0, bytes.length).equals(bytes)).toBe(true);
      expect(live.subarray(bytes.length).toString()).toMatch(/^\n?$/);
      expect(later.equals(live)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is dead after a kill, and killing it again or one that is gone is no error',
    async () => {
      const name = await started(['sh', '-c', 'trap "" TERM INT; while :; do sleep 1; done']);
      const waiting = engine.containers.wait(name, signal);
      await engine.containers.kill(name);
      expect(await waiting).toMatchObject({ state: 'exited', exitCode: 137, outOfMemory: false });
      await engine.containers.kill(name);
      await engine.containers.kill('slipway-nothing-of-that-name');
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'runs as the user that it is to have, by name or number, who owns what is put in',
    async () => {
      const commands = ['id -u; id -g; stat -c %u:%g /src/file; touch /src/own && echo writes', 'id -un'];
      const asNumbers = spec(['sh', '-c', commands[0]!], { user: '77:88' });
      await engine.containers.ensureCreated(asNumbers, signal);
      const owner = await engine.containers.owner(asNumbers.name);
      const files = pack();
      files.entry({ name: 'file', mode: 0o644 }, 'text');
      files.finalize();
      await engine.containers.putArchive(asNumbers.name, '/src', Readable.from(files), { owner, signal });
      await engine.containers.start(asNumbers.name);
      const asName = await started(['sh', '-c', commands[1]!], { user: 'worker', engineImageId: tag });
      const asRoot = await started(['sh', '-c', commands[1]!], { user: 'root', engineImageId: tag });

      expect(owner).toEqual({ uid: 77, gid: 88 });
      expect(await text(await engine.containers.output(asNumbers.name, signal))).toBe(
        '77\n88\n77:88\nwrites\n',
      );
      expect(await text(await engine.containers.output(asName, signal))).toBe('worker\n');
      expect(await text(await engine.containers.output(asRoot, signal))).toBe('root\n');
      const nobody = spec(['true'], { user: 'nobody-of-that-name' });
      const making = engine.containers
        .ensureCreated(nobody, signal)
        .then(() => engine.containers.owner(nobody.name));
      await expect(making).rejects.toMatchObject({
        type: 'ContainerStartFailed',
        message: expect.stringContaining('the user "nobody-of-that-name" is not in the image'),
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'gives its user what is made above what is mounted, and leaves the directories and links of its image as they are',
    async () => {
      const { containers } = engine;
      const label = { [LABEL.run]: `parents-of-${fleet}` };
      const paths = ['/home/worker/.gradle/caches', '/opt/link/a/b/c', '/opt/its/a/d', '/opt/lost/a/b', '/e'];
      const script = [
        'stat -c "%u:%g %a %F %n" /home/worker /home/worker/.gradle /opt /opt/its /opt/its/a /opt/its/a/b /opt/link /opt/lost',
        'grep -c -E "^[^ ]+ (/home/worker/.gradle/caches|/opt/its/a/b/c|/opt/its/a/d|/nowhere/a/b|/e) " /proc/mounts',
      ].join('; ');
      // The second is made of what is known by then.
      for (let round = 1; round <= 2; round += 1) {
        const wanted = spec(['sh', '-c', script], {
          engineImageId: tag,
          labels: label,
          volumes: paths.map((path) => ({ path, labels: { [LABEL.fleet]: fleet } })),
        });
        await containers.ensureCreated(wanted, signal);

        await containers.ownParents(wanted.name, paths, { owner: { uid: 1234, gid: 4321 }, signal });
        await containers.start(wanted.name);

        expect((await text(await containers.output(wanted.name, signal))).split('\n')).toEqual([
          '1234:4321 750 directory /home/worker',
          '1234:4321 755 directory /home/worker/.gradle',
          '0:0 755 directory /opt',
          '0:0 711 directory /opt/its',
          '1234:4321 755 directory /opt/its/a',
          '1234:4321 755 directory /opt/its/a/b',
          '0:0 777 symbolic link /opt/link',
          '0:0 777 symbolic link /opt/lost',
          '5',
          '',
        ]);
        expect(await containers.list(label)).toHaveLength(round);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'has a device of the machine where there is one, and does not start where there is none',
    async () => {
      const look = ['sh', '-c', 'test -c /dev/kmsg && echo there'];
      const with_ = await started(look, { devices: ['/dev/kmsg'] });
      const without = await started(['sh', '-c', 'test -e /dev/kmsg || echo none']);

      expect(await text(await engine.containers.output(with_, signal))).toBe('there\n');
      expect(await text(await engine.containers.output(without, signal))).toBe('none\n');
      await expect(started(['true'], { devices: ['/dev/no-such-device'] })).rejects.toMatchObject({
        type: 'DeviceUnavailable',
        device: '/dev/no-such-device',
        retryable: false,
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'takes files that belong to the user of its image, and gives them back',
    async () => {
      const script =
        'touch /src/new/made && stat -c "%u %g %a %n" /src /src/new /src/new/run /in/deep /in/deep/file /in/deep/run && /in/deep/run';
      const wanted = spec(['sh', '-c', script], { engineImageId: tag, workingDirectory: '/src' });
      const { containers } = engine;
      await containers.ensureCreated(wanted, signal);
      const owner = await containers.owner(wanted.name);
      expect(owner).toEqual({ uid: 1234, gid: 4321 });

      const tar = pack();
      tar.entry({ name: 'new/', type: 'directory', mode: 0o755 });
      tar.entry({ name: 'new/run', mode: 0o755, uid: 7, uname: 'root' }, '#!/bin/sh\n');
      tar.finalize();
      await containers.putArchive(wanted.name, '/src', Readable.from(tar), { owner, signal });
      await containers.putFiles(wanted.name, [toPut('/in/deep/file', ['by', 'tes'])], { owner, signal });
      const run = { ...toPut('/in/deep/run', ['#!/bin/cat /in/deep/file\n']), executable: true };
      await containers.putFiles(wanted.name, [run], { owner, signal });
      await containers.start(wanted.name);
      expect(await text(await containers.output(wanted.name, signal))).toBe(
        '1234 4321 755 /src\n1234 4321 755 /src/new\n1234 4321 755 /src/new/run\n1234 4321 755 /in/deep\n1234 4321 644 /in/deep/file\n1234 4321 755 /in/deep/run\nbytes#!/bin/cat /in/deep/file\n',
      );

      const file = await containers.readPath(wanted.name, '/in/deep/file', signal);
      expect(file).toMatchObject({ type: 'file', sizeBytes: 5, executable: false });
      expect(file?.type === 'file' && (await text(file.body))).toBe('bytes');
      const executable = await containers.readPath(wanted.name, '/in/deep/run', signal);
      expect(executable).toMatchObject({ type: 'file', executable: true });
      if (executable?.type === 'file') executable.body.destroy();
      const directory = await containers.readPath(wanted.name, '/src', signal);
      expect(directory?.type === 'directory' && (await namesIn(directory.tar))).toEqual([
        'src/',
        'src/new/',
        'src/new/made',
        'src/new/run',
      ]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'takes files past what is mounted in it, and into that',
    async () => {
      const { containers } = engine;
      const labels = { [LABEL.fleet]: fleet };
      const wanted = spec(
        [
          'sh',
          '-c',
          'grep -c /in/cache /proc/mounts; stat -c "%u %n" /in /in/* /in/cache/* /in/cache/made/*',
        ],
        { engineImageId: tag, volumes: [{ path: '/in/cache', labels }] },
      );
      await containers.ensureCreated(wanted, signal);
      const owner = await containers.owner(wanted.name);
      const paths = ['/in/file', '/in/cache/file', '/in/cache/made/file'];
      const files = paths.map((path) => toPut(path, ['text']));

      await containers.putFiles(wanted.name, files, { owner, signal });
      const inTheWay = containers.putFiles(
        wanted.name,
        [toPut('/in/a', ['x']), toPut('/in/cache', ['x']), toPut('/in/file', ['x'])],
        { owner, signal },
      );
      await expect(inTheWay).rejects.toMatchObject({ type: 'PathUnusable', path: '/in/cache' });
      await expect(
        containers.putFiles(wanted.name, [], { directories: ['/in/file'], owner, signal }),
      ).rejects.toMatchObject({ type: 'PathUnusable', path: '/in/file' });
      await containers.start(wanted.name);

      const seen = await text(await containers.output(wanted.name, signal));
      const theirs = ['/in/cache/file', '/in/cache/made', '/in/cache/made/file', '/in/file'];
      expect(seen.split('\n')).toEqual(
        expect.arrayContaining(['1', ...theirs.map((path) => `1234 ${path}`)]),
      );
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'takes a large file only at its turn, and few small ones ahead of theirs',
    async () => {
      const wanted = spec(['true']);
      await engine.containers.ensureCreated(wanted, signal);
      let [open, most, largeBeside] = [0, 0, 0];
      const small = Array.from({ length: 100 }, (_, at) => ({ name: `small-${at}`, sizeBytes: 1000 }));
      const large = Array.from({ length: 5 }, (_, at) => ({ name: `large-${at}`, sizeBytes: LARGE_BYTES }));
      const files = [...small, ...large].map(({ name, sizeBytes }) => ({
        path: `/in/${name}`,
        sizeBytes,
        open: async () => {
          if (sizeBytes === LARGE_BYTES && open > 0) largeBeside += 1;
          most = Math.max(most, (open += 1));
          async function* bytes(): AsyncGenerator<Buffer> {
            await delay(5);
            yield Buffer.alloc(sizeBytes);
            open -= 1;
          }
          return Promise.resolve(Readable.from(bytes(), { objectMode: false }));
        },
      }));
      const put: string[] = [];
      await engine.containers.putFiles(wanted.name, files, {
        signal,
        onFile: ({ path }) => void put.push(path),
      });

      expect(put).toEqual(files.map(({ path }) => path));
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(16);
      expect(largeBeside).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'gives what a symlink leads to, and nothing for an absent path, a circle of links or a pipe',
    async () => {
      const wanted = spec(['true'], { engineImageId: tag });
      await engine.containers.ensureCreated(wanted, signal);
      const linked = await engine.containers.readPath(wanted.name, '/twice', signal);
      expect(linked?.type === 'file' && (await text(linked.body))).toBe('inside\n');
      for (const path of [
        '/made/absent',
        '/absent/deep',
        '/circle1',
        '/circle1/below',
        '/fifo',
        '/made/real/below',
      ])
        expect(await engine.containers.readPath(wanted.name, path, signal)).toBeUndefined();
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'tells a broken source of its files, and one whose length lies',
    async () => {
      const wanted = spec(['true']);
      const { containers } = engine;
      await containers.ensureCreated(wanted, signal);
      const broken = new Error('the store broke');
      async function* breaking(): AsyncGenerator<string> {
        yield 'some';
        throw broken;
      }
      for (const sizeBytes of [10, LARGE_BYTES]) {
        const put = (open: () => Readable): Promise<void> => {
          const before = toPut('/in/before', ['text']);
          const file = { path: '/in/a', sizeBytes, open: () => Promise.resolve(open()) };
          return containers.putFiles(wanted.name, [before, file], { signal });
        };
        await expect(put(() => Readable.from(breaking()))).rejects.toMatchObject({ cause: broken });
        await expect(put(() => Readable.from(['short']))).rejects.toMatchObject({ type: 'DigestMismatch' });
        const long = [Buffer.alloc(sizeBytes), Buffer.from('long')];
        await expect(put(() => Readable.from(long))).rejects.toMatchObject({ type: 'DigestMismatch' });
      }
    },
    TEST_TIMEOUT_MS,
  );

  it.each([
    ['/etc', 'a directory is there, not a file'],
    ['/etc/passwd/in', '/etc/passwd is not a directory'],
    ['/etc/passwd/deep/in', '/etc/passwd is not a directory'],
  ])(
    'takes no file at %s, and says why',
    async (path, why) => {
      const wanted = spec(['true']);
      const { containers } = engine;
      await containers.ensureCreated(wanted, signal);
      await expect(
        containers.putFiles(wanted.name, [toPut('/in/other', ['x']), toPut(path, ['x'])], { signal }),
      ).rejects.toMatchObject({ type: 'PathUnusable', message: `Nothing can be put at "${path}": ${why}` });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that is to start its command where a file is cannot be made, and says so',
    async () => {
      const wanted = spec(['true'], { workingDirectory: '/etc/passwd' });
      await expect(engine.containers.ensureCreated(wanted, signal)).rejects.toMatchObject({
        type: 'PathUnusable',
        path: '/etc/passwd',
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'can gain no privilege and has a network of its own',
    async () => {
      const name = await started(['sh', '-c', 'grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status']);
      const output = await text(await engine.containers.output(name, signal));
      expect(output.replaceAll('\t', ' ')).toBe('CapBnd: 00000000000405fb\nNoNewPrivs: 1\nSeccomp: 2\n');
      const { NetworkSettings } = await dockerAt(DEV_ENGINE).getContainer(name).inspect();
      expect(Object.keys(NetworkSettings.Networks)).toEqual([name]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'is found by its labels and leaves nothing when it is removed, running or not',
    async () => {
      const label = { [LABEL.run]: `run-of-${fleet}` };
      const name = await started(['sleep', '100'], { labels: label });
      const found = await engine.containers.list({ ...label, [LABEL.fleet]: undefined });
      expect(found).toEqual([
        {
          name,
          state: 'running',
          createdMs: expect.any(Number),
          labels: expect.objectContaining({ ...label, [LABEL.fleet]: fleet, [LABEL.kind]: 'task' }),
        },
      ]);
      await Promise.all([engine.containers.remove(name), engine.containers.remove(name)]);
      expect(await engine.containers.inspect(name)).toBeUndefined();
      expect(await networkCount(name)).toBe(0);
      await engine.containers.remove(name);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'has its system calls filtered and looks into no other process, unless it may',
    async () => {
      const command = ['sh', '-c', 'grep -E "^(Seccomp|CapBnd):" /proc/self/status'];
      const rights = async (
        more: Partial<ContainerSpec>,
      ): Promise<{ ptrace: boolean; filtered: boolean }> => {
        const name = await started(command, more);
        await engine.containers.wait(name, signal);
        const status = await text(await engine.containers.output(name, signal));
        const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(status)?.[1] ?? '0'}`);
        return { ptrace: (bounding & SYS_PTRACE) !== 0n, filtered: /Seccomp:\s*2/.test(status) };
      };
      expect(await rights({})).toEqual({ ptrace: false, filtered: true });
      expect(await rights({ allowPtrace: true })).toEqual({ ptrace: true, filtered: true });
      expect(await rights({ disableSeccomp: true })).toEqual({ ptrace: false, filtered: false });
    },
    TEST_TIMEOUT_MS,
  );

  async function networkCount(name: string): Promise<number> {
    const networks = await dockerAt(DEV_ENGINE).listNetworks({ filters: { name: [name] } });
    return networks.filter((network) => network.Name === name).length;
  }
});

async function namesIn(tar: Readable): Promise<string[]> {
  const names: string[] = [];
  const entries = tar.pipe(extract());
  for await (const entry of entries) {
    names.push(entry.header.name);
    entry.resume();
  }
  return names.sort();
}
