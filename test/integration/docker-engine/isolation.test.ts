import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { dockerAt } from '../../../docker/client.ts';
import type { ContainerSpec, Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

const TEST_TIMEOUT_MS = 120_000;
const PIDS = 64;

/**
 * Ways out of a container, as its root: each is a command of bash that exits with 0 when it has worked. They know `MARK`, a
 * directory of the machine, and `PORT`, where the machine listens on its loopback. None does harm where it works.
 */
const WAYS_OUT: Readonly<Record<string, string>> = {
  'to see the files of the machine through process 1': 'ls -d /proc/1/root$MARK',
  'to leave the root directory by another one': `perl -e 'mkdir "/tmp/c"; chroot "/tmp/c"; chdir ".." for 1..99; chroot "."; exit !-e $ENV{MARK}'`,
  'to mount a file system': 'mount -t tmpfs none /mnt',
  'to mount one directory over another': 'mount --bind /etc /mnt',
  'to make what is read-only writable': 'mount -o remount,rw /proc/sys',
  'to have mounts of its own': 'unshare --mount true',
  'to be root among users of its own': 'unshare --user --map-root-user true',
  'to have a network of its own': 'unshare --net true',
  'to enter the namespaces of another process': 'nsenter --target 1 --mount --net true',
  'to see the processes of the machine': 'test "$(ls -d /proc/[0-9]* | wc -l)" -gt 12',
  'to make a device': 'mknod /tmp/disk b 8 0',
  'to find a device of the machine': 'ls /dev | grep -E "^(sd|vd|xvd|nvme|loop|dm-|mem|kmsg|fuse|kvm|snd)"',
  'to say what the kernel runs when a process crashes': 'echo "|/tmp/c" > /proc/sys/kernel/core_pattern',
  'to command the kernel': 'echo h > /proc/sysrq-trigger',
  'to read the memory of the kernel': 'test -n "$(head -c 1 /proc/kcore | od)" && test -s /proc/kcore',
  'to read the messages of the kernel': 'dmesg',
  'to write into the kernel': 'echo x > /sys/kernel/uevent_helper',
  'to make a control group': 'mkdir "$(grep -m 1 " cgroup2* " /proc/mounts | cut -d " " -f 2)/out"',
  'to have itself called when a control group is empty':
    'cd /sys/fs/cgroup/memory && echo /tmp/c > release_agent',
  'to set the clock': 'date --set="@$(date +%s)"',
  'to give the machine another name': 'hostname other',
  'to send packets of any kind': `perl -MSocket -e 'socket(S, PF_INET, SOCK_RAW, 1) or exit 1'`,
  'to listen to all packets': `perl -e 'socket(S, 17, 3, 0x300) or exit 1'`,
  'to find an engine': 'ls /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock',
  'to reach the loopback of the machine': '</dev/tcp/127.0.0.1/$PORT',
  'to reach the loopback of the machine through its gateway': '</dev/tcp/$GATEWAY/$PORT',
  'to have more processes than it may': `perl -e 'for (1..${2 * PIDS}) { $p = fork; last unless defined $p; $p or sleep(3), exit; $n++ } exit($n <= ${PIDS})'`,
};

/** Prints the ways that have worked, one a line, and how many were tried. */
const TRY_ALL = `
gateway=$(awk '$2 == "00000000" { print $3; exit }' /proc/net/route)
export GATEWAY=$((16#\${gateway:6:2})).$((16#\${gateway:4:2})).$((16#\${gateway:2:2})).$((16#\${gateway:0:2}))
[ "$GATEWAY" != 0.0.0.0 ] || echo "no gateway"
${Object.entries(WAYS_OUT)
  .map(([name, command]) => `( ${command} ) >/dev/null 2>&1 && echo ${JSON.stringify(name)}`)
  .join('\n')}
echo tried ${Object.keys(WAYS_OUT).length}
`;

describe('a task', () => {
  const fleet = testFleet();
  let engine: Engine;
  let mark: string;
  let loopback: Server;

  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
    mark = await mkdtemp(join(tmpdir(), 'slipway-isolation-'));
    loopback = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => loopback.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    loopback.close();
    await rm(mark, { recursive: true });
    for (const { name } of await engine.containers.list({ [LABEL.fleet]: fleet }))
      await engine.containers.remove(name);
    await engine.close();
  }, TEST_TIMEOUT_MS);

  async function start(
    name: string,
    script: string,
    more: Pick<ContainerSpec, 'network'> = {},
  ): Promise<string> {
    const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
    const { port } = loopback.address() as AddressInfo;
    const spec: ContainerSpec = {
      name: `slipway-${fleet}-${name}`,
      engineImageId: 'debian:bookworm',
      command: ['bash', '-c', script],
      env: { MARK: mark, PORT: String(port) },
      labels: { [LABEL.task]: 'task/demo/1/abc/unit' },
      resources: { pids: PIDS, shmBytes: 1024 * 1024 },
      ...more,
    };
    await engine.containers.ensureCreated(spec, signal);
    await engine.containers.start(spec.name);
    return spec.name;
  }

  it(
    'finds no way out to its machine',
    async () => {
      const before = hostname();
      const output = await engine.containers.output(
        await start('ways', TRY_ALL),
        AbortSignal.timeout(TEST_TIMEOUT_MS),
      );

      expect(await text(output)).toBe(`tried ${Object.keys(WAYS_OUT).length}\n`);
      expect(hostname()).toBe(before);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that is to have no network has its loopback alone, and leaves none',
    async () => {
      const name = await start('alone', 'cd /sys/class/net && echo *', { network: 'none' });
      const output = await engine.containers.output(name, AbortSignal.timeout(TEST_TIMEOUT_MS));

      expect(await text(output)).toBe('lo\n');
      expect(await dockerAt(DEV_ENGINE).listNetworks({ filters: { name: [name] } })).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'cannot reach another one in its network',
    async () => {
      const listen = `perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalPort => 80) or die; print "listens\\n"; $| = 1; print STDERR "on\\n"; while ($c = $s->accept) { print $c "hello\\n"; close $c }'`;
      const listener = await start('listener', listen);
      const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
      for await (const part of await engine.containers.output(listener, signal))
        if (String(part).includes('on')) break;
      const { NetworkSettings } = await dockerAt(DEV_ENGINE).getContainer(listener).inspect();
      const address = NetworkSettings.Networks[listener]?.IPAddress ?? '';

      const reach = `timeout 10 bash -c 'cat </dev/tcp/${address}/80'`;
      const own = await engine.containers.output(await start('other', `${reach} || echo refused`), signal);

      expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(await text(own)).toMatch(/refused\n$/);
      // It does listen: from its own machine it is reached.
      expect(await helloFrom(address)).toBe('hello\n');
    },
    TEST_TIMEOUT_MS,
  );
});

function helloFrom(host: string): Promise<string> {
  return text(connect({ host, port: 80 }));
}
