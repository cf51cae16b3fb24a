import { fieldsOf, isEmpty, listOf } from './json-body.ts';
import type { Fields } from './json-body.ts';
import { judgeBind, judgeMount, judgeTmpfsOptions, quoted } from './judge-volume.ts';

type Judge = (value: unknown, name: string) => string | undefined;

/** What the engine gives a container without being asked: asking for it again adds nothing. */
const DEFAULT_CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const HARMLESS_SECURITY =
  /^(no-new-privileges([:=](true|false))?|seccomp[:=]builtin|apparmor[:=]docker-default)$/;

const any: Judge = () => undefined;
const none: Judge = (_value, name) => name;
const oneOf =
  (...allowed: readonly string[]): Judge =>
  (value, name) =>
    allowed.includes(value as string) ? undefined : `${name} ${quoted(value)}`;
const each =
  (judge: (member: unknown) => string | undefined): Judge =>
  (value, name) =>
    firstOf(listOf(value, name), judge);

/**
 * Every field of `HostConfig`, by its name in lower case. One that stands not here is refused: an engine that is newer than
 * this list may understand by it whatever it likes.
 */
const HOST_CONFIG: Readonly<Record<string, Judge>> = {
  privileged: none,
  capadd: each((capability) =>
    DEFAULT_CAPABILITIES.has(String(capability).toUpperCase().replace(/^CAP_/, ''))
      ? undefined
      : `capability ${quoted(capability)}`,
  ),
  capabilities: none,
  devices: none,
  devicecgrouprules: none,
  devicerequests: none,
  pidmode: none,
  ipcmode: oneOf('private', 'shareable', 'none'),
  utsmode: none,
  usernsmode: none,
  cgroupnsmode: oneOf('private'),
  cgroup: none,
  cgroupparent: none,
  networkmode: (value) => judgeNetworkName(value),
  securityopt: each((option) =>
    HARMLESS_SECURITY.test(String(option)) ? undefined : `security option ${quoted(option)}`,
  ),
  // An empty list unmasks what the engine hides of /proc and /sys; nothing at all leaves it hidden.
  maskedpaths: none,
  readonlypaths: none,
  sysctls: none,
  runtime: oneOf('runc', 'io.containerd.runc.v2'),
  annotations: none,
  binds: each(judgeBind),
  mounts: each(judgeMount),
  tmpfs: (value) => firstOf(Object.values(value as object), judgeTmpfsOptions),
  volumedriver: oneOf('local'),
  // Other drivers write to sockets and addresses that only the engine reaches.
  logconfig: (value) => {
    const { type } = fieldsOf(value, 'LogConfig');
    return isEmpty(type) || ['json-file', 'local', 'none'].includes(type as string)
      ? undefined
      : `log driver ${quoted(type)}`;
  },
  oomscoreadj: (value, name) => (typeof value === 'number' && value > 0 ? undefined : name),
  ...Object.fromEntries(
    [
      ...['AutoRemove', 'BlkioDeviceReadBps', 'BlkioDeviceReadIOps', 'BlkioDeviceWriteBps'],
      ...['BlkioDeviceWriteIOps', 'BlkioWeight', 'BlkioWeightDevice', 'CapDrop', 'ConsoleSize'],
      ...['ContainerIDFile', 'CpuCount', 'CpuPercent', 'CpuPeriod', 'CpuQuota', 'CpuRealtimePeriod'],
      ...['CpuRealtimeRuntime', 'CpuShares', 'CpusetCpus', 'CpusetMems', 'Dns', 'DnsOptions', 'DnsSearch'],
      ...['ExtraHosts', 'GroupAdd', 'Init', 'IOMaximumBandwidth', 'IOMaximumIOps', 'Isolation'],
      ...['KernelMemory', 'KernelMemoryTCP', 'Links', 'Memory', 'MemoryReservation', 'MemorySwap'],
      ...['MemorySwappiness', 'NanoCpus', 'OomKillDisable', 'PidsLimit', 'PortBindings'],
      ...['PublishAllPorts', 'ReadonlyRootfs', 'RestartPolicy', 'ShmSize', 'StorageOpt', 'Ulimits'],
      ...['VolumesFrom'],
    ].map((name) => [name.toLowerCase(), any]),
  ),
};

/** The body of `POST /containers/create`: what of it is refused. */
export function judgeContainer(body: unknown): string | undefined {
  const fields = fieldsOf(body, 'the body');
  const { hostconfig, networkingconfig } = fields;
  const endpoints = fieldsOf(networkingconfig, 'NetworkingConfig')['endpointsconfig'];
  return (
    judgeHostConfig(fieldsOf(hostconfig, 'HostConfig')) ??
    // Engines up to 23 take the same fields from the body itself where there is no HostConfig.
    judgeHostConfig(known(fields)) ??
    firstOf(isEmpty(endpoints) ? [] : Object.keys(endpoints as object), judgeNetworkName)
  );
}

/** The body of `POST /containers/<id>/update`: limits, and nothing of what a container may do. */
export function judgeUpdate(body: unknown): string | undefined {
  return judgeHostConfig(fieldsOf(body, 'the body'));
}

/** The body of `POST /containers/<id>/start`: API versions before 1.24 took a HostConfig there. */
export function judgeStart(body: unknown): string | undefined {
  return isEmpty(body) ? undefined : 'starting a container with a HostConfig';
}

/** The body of `POST /containers/<id>/exec`. */
export function judgeExec(body: unknown): string | undefined {
  return isEmpty(fieldsOf(body, 'the body')['privileged']) ? undefined : 'privileged exec';
}

/** Networks that a container is to be on: which of them is the host's under another name, only the engine knows. */
export function networksOf(body: unknown): readonly string[] {
  const fields = fieldsOf(body, 'the body');
  const { endpointsconfig } = fieldsOf(fields['networkingconfig'], 'NetworkingConfig');
  const modes = [fields['networkmode'], fieldsOf(fields['hostconfig'], 'HostConfig')['networkmode']];
  const names = [...modes, ...(isEmpty(endpointsconfig) ? [] : Object.keys(endpointsconfig as object))];
  return names.filter((name) => typeof name === 'string').filter(mayBeAnothers);
}

/** Whether only the engine knows what network a name stands for. */
export function mayBeAnothers(network: string): boolean {
  return !['', 'default', 'bridge', 'none'].includes(network);
}

function judgeHostConfig(fields: Fields): string | undefined {
  return firstOf(Object.entries(fields), ([name, value]) => {
    if (value !== null && ['maskedpaths', 'readonlypaths'].includes(name)) return 'unmasked paths';
    if (isEmpty(value)) return undefined;
    return (HOST_CONFIG[name] ?? none)(value, name);
  });
}

function known(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => Object.hasOwn(HOST_CONFIG, name)));
}

/** The name of a network, as a container or a build asks for it. */
export function judgeNetworkName(name: unknown): string | undefined {
  if (typeof name !== 'string') return `network ${quoted(name)}`;
  return name === 'host' || /^(container|ns|service):/.test(name) ? `network ${quoted(name)}` : undefined;
}

/** What is refused of the first member that is not good. */
export function firstOf<T>(
  members: readonly T[],
  judge: (member: T) => string | undefined,
): string | undefined {
  for (const member of members) {
    const refused = judge(member);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
