import { describe, expect, it } from '@jest/globals';
import { judgeRequest, mayUpgrade } from '../../../docker/dind/filter/judge-request.ts';

const CREATE = '/v1.41/containers/create?name=x';

/** What becomes of a request: `pass`, or the status and the words of its refusal. */
function judged(method: string, url: string, body?: unknown, contentType = 'application/json'): string {
  const verdict = judgeRequest({ method, url, contentType });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const last = verdict.kind === 'look' ? verdict.judge(Buffer.from(text ?? '')) : verdict;
  return last.kind === 'pass' ? 'pass' : `${last.status} ${last.message}`;
}

/** What is refused, a near neighbour that must pass, both as HostConfig. */
const HOST_CONFIGS: readonly (readonly [string, unknown, unknown])[] = [
  ['privileged', { Privileged: true }, { Privileged: false }],
  ['a capability', { CapAdd: ['SYS_ADMIN'] }, { CapAdd: ['CAP_CHOWN', 'net_raw'], CapDrop: ['ALL'] }],
  ['all capabilities', { CapAdd: ['ALL'] }, { CapDrop: ['ALL'] }],
  ['capabilities of an older engine', { Capabilities: ['CAP_SYS_ADMIN'] }, { Capabilities: [] }],
  ['a device', { Devices: [{ PathOnHost: '/dev/kmsg' }] }, { Devices: [] }],
  ['device requests', { DeviceRequests: [{ Count: -1 }] }, { DeviceRequests: null }],
  ['device cgroup rules', { DeviceCgroupRules: ['a *:* rwm'] }, { DeviceCgroupRules: [] }],
  ['the host’s processes', { PidMode: 'host' }, { PidMode: '' }],
  ['another container’s processes', { PidMode: 'container:abc' }, {}],
  ['the host’s IPC', { IpcMode: 'host' }, { IpcMode: 'private' }],
  ['another container’s IPC', { IpcMode: 'container:abc' }, { IpcMode: 'shareable' }],
  ['the host’s network', { NetworkMode: 'host' }, { NetworkMode: 'hosting' }],
  ['another container’s network', { NetworkMode: 'container:abc' }, { NetworkMode: 'none' }],
  ['the host’s names', { UTSMode: 'host' }, { UTSMode: '' }],
  ['the host’s users', { UsernsMode: 'host' }, { UsernsMode: '' }],
  ['the host’s cgroups', { CgroupnsMode: 'host' }, { CgroupnsMode: 'private' }],
  ['a cgroup of another', { Cgroup: 'container:abc' }, { Cgroup: '' }],
  ['a cgroup parent', { CgroupParent: '/' }, { CgroupParent: '' }],
  ['a bind', { Binds: ['/:/host'] }, { Binds: ['data:/host:ro', '/anonymous'] }],
  ['a bind of a relative path', { Binds: ['../x:/host'] }, { Binds: ['x.y_z-1:/host'] }],
  [
    'a bind beside the own socket',
    { Binds: ['/var/run/docker.sock/../..:/host'] },
    { Binds: ['/var/run/docker.sock:/var/run/docker.sock'] },
  ],
  ['propagation', { Binds: ['data:/x:rshared'] }, { Binds: ['data:/x:rw,nocopy'] }],
  [
    'a bind mount',
    { Mounts: [{ Type: 'bind', Source: '/', Target: '/x' }] },
    { Mounts: [{ Type: 'volume', Source: 'data', Target: '/x' }] },
  ],
  [
    'a volume that is a path',
    { Mounts: [{ Type: 'volume', Source: '/etc', Target: '/x' }] },
    { Mounts: [{ Type: 'volume', Target: '/x' }] },
  ],
  [
    'a volume that binds',
    {
      Mounts: [
        {
          Type: 'volume',
          Target: '/x',
          VolumeOptions: {
            DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } },
          },
        },
      ],
    },
    {
      Mounts: [
        {
          Type: 'volume',
          Target: '/x',
          VolumeOptions: {
            DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m' } },
          },
        },
      ],
    },
  ],
  [
    'a tmpfs that binds',
    { Mounts: [{ Type: 'tmpfs', Target: '/x', TmpfsOptions: { Options: [['bind']] } }] },
    { Mounts: [{ Type: 'tmpfs', Target: '/x', TmpfsOptions: { SizeBytes: 4096 } }] },
  ],
  [
    'a volume of a driver that binds',
    {
      Mounts: [{ Type: 'volume', Target: '/x', VolumeOptions: { DriverConfig: { Name: 'sshfs' } } }],
    },
    { Mounts: [{ Type: 'volume', Target: '/x', VolumeOptions: { DriverConfig: { Name: 'local' } } }] },
  ],
  [
    'propagation of a mount',
    {
      Mounts: [
        {
          Type: 'bind',
          Source: '/var/run/docker.sock',
          Target: '/x',
          BindOptions: { Propagation: 'rshared' },
        },
      ],
    },
    { Mounts: [{ Type: 'bind', Source: '/run/docker.sock', Target: '/x', BindOptions: {} }] },
  ],
  ['a pipe', { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/x' }] }, { Mounts: [] }],
  ['tmpfs options', { Tmpfs: { '/x': 'rw,rbind' } }, { Tmpfs: { '/x': 'rw,noexec,size=64m', '/X': '' } }],
  ['a driver of volumes', { VolumeDriver: 'sshfs' }, { VolumeDriver: 'local' }],
  ['no seccomp', { SecurityOpt: ['seccomp=unconfined'] }, { SecurityOpt: ['no-new-privileges'] }],
  ['a seccomp profile', { SecurityOpt: ['seccomp={}'] }, { SecurityOpt: ['seccomp=builtin'] }],
  ['no apparmor', { SecurityOpt: ['apparmor:unconfined'] }, { SecurityOpt: ['apparmor=docker-default'] }],
  ['no labels', { SecurityOpt: ['label=disable'] }, { SecurityOpt: ['no-new-privileges:true'] }],
  ['unconfined system paths', { SecurityOpt: ['systempaths=unconfined'] }, { SecurityOpt: [] }],
  ['unmasked paths', { MaskedPaths: [] }, { MaskedPaths: null }],
  ['writable system paths', { ReadonlyPaths: [] }, { ReadonlyPaths: null }],
  ['sysctls', { Sysctls: { 'kernel.core_pattern': '|/x' } }, { Sysctls: {} }],
  ['a runtime', { Runtime: 'other' }, { Runtime: 'runc' }],
  ['annotations', { Annotations: { 'run.oci.x': '1' } }, { Annotations: null }],
  [
    'a log to a socket',
    { LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'unix:///x' } } },
    { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } } },
  ],
  ['not to be killed', { OomScoreAdj: -1000 }, { OomScoreAdj: 500 }],
  ['what nobody knows', { PrivilegedToo: true }, { PrivilegedToo: false }],
];

describe("a task's request to its private engine", () => {
  it.each(HOST_CONFIGS)('for %s is refused, and its neighbour passes', (_what, refused, passed) => {
    expect(judged('POST', CREATE, { Image: 'x', HostConfig: refused })).toMatch(/^403 /);
    expect(judged('POST', CREATE, { Image: 'x', HostConfig: passed })).toBe('pass');
  });

  it.each(HOST_CONFIGS.filter(([what]) => what !== 'what nobody knows'))(
    'for %s is refused in the body itself, where older engines look too',
    (_what, refused, passed) => {
      expect(judged('POST', CREATE, { Image: 'x', ...(refused as object) })).toMatch(/^403 /);
      expect(judged('POST', CREATE, { Image: 'x', ...(passed as object) })).toBe('pass');
    },
  );

  it.each<[string, string, string, unknown, unknown]>([
    ['POST', '/containers/x/exec', 'a privileged exec', { Privileged: true, Cmd: ['id'] }, { Cmd: ['id'] }],
    ['POST', '/containers/x/update', 'devices by an update', { Devices: [{}] }, { Memory: 2 ** 30 }],
    ['POST', '/containers/x/start', 'a HostConfig at the start', { Privileged: true }, {}],
    ['POST', '/volumes/create', 'a volume that binds', bindVolume(), { Name: 'x', Driver: 'local' }],
    ['POST', '/volumes/create', 'a share', share(), { Name: 'x', DriverOpts: {} }],
    ['POST', '/volumes/create', 'a foreign driver', { Driver: 'sshfs' }, { Labels: { a: 'b' } }],
    [
      'POST',
      '/volumes/create',
      'a cluster volume',
      { Name: 'x', ClusterVolumeSpec: { Group: 'g' } },
      { Name: 'x', ClusterVolumeSpec: null },
    ],
    [
      'POST',
      '/volumes/create',
      'an option that nobody knows',
      { DriverOpts: { size: '8m', mountpoint: '/etc' } },
      { DriverOpts: { size: '8m' } },
    ],
    [
      'POST',
      '/volumes/create',
      'a device under a tmpfs',
      { DriverOpts: { type: 'tmpfs', device: '/dev/sda1' } },
      { DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m,uid=1000' } },
    ],
    [
      'POST',
      '/volumes/create',
      'a tmpfs that binds',
      { DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m,bind' } },
      { DriverOpts: { type: 'tmpfs', device: '' } },
    ],
    [
      'POST',
      '/networks/create',
      'a driver of addresses',
      { Name: 'x', IPAM: { Driver: 'dhcp' } },
      { Name: 'x', IPAM: { Driver: 'default', Config: [{ Subnet: '10.9.0.0/24' }] } },
    ],
    [
      'POST',
      '/networks/create',
      'a driver',
      { Name: 'x', Driver: 'macvlan' },
      { Name: 'x', Driver: 'bridge' },
    ],
  ])('%s %s: %s is refused, and its neighbour passes', (method, path, _what, refused, passed) => {
    expect(judged(method, path, refused)).toMatch(/^403 /);
    expect(judged(method, path, passed)).toBe('pass');
  });

  it.each([
    ['POST', '/v1.41/build?networkmode=host', '/v1.41/build?networkmode=default&nocache=1'],
    ['POST', '/build?t=a&networkmode=&networkmode=host', '/build?t=a&networkmode='],
    ['POST', '/build?networkmode=container%3Aabc', '/build?networkmode=none'],
    ['POST', '/build?securityopt=%5B%22seccomp%3Dunconfined%22%5D', '/build?securityopt=%5B%5D'],
    ['POST', '/build?cgroupparent=/x', '/build?version=2&session=abc'],
    ['POST', '/plugins/pull?remote=x', '/images/create?fromImage=x'],
    ['POST', '/swarm/init', '/images/load'],
    ['POST', '/services/create', '/session'],
    ['DELETE', '/secrets/x', '/containers/x'],
    ['POST', '/containers/x/start?checkpoint=c', '/containers/x/start'],
    ['POST', '/containers/x/checkpoints', '/containers/x/pause'],
  ])('%s %s is refused, %s passes', (method, refused, passed) => {
    expect(judged(method, refused, {})).toMatch(/^403 /);
    expect(judged(method, passed, {})).toBe('pass');
  });

  it('is read as the engine reads it: in any case, and once', () => {
    expect(judged('POST', CREATE, { hostconfig: { PRIVILEGED: true } })).toMatch(/^403 .*privileged/);
    const twice = '{"HostConfig": {"Privileged": false, "privileged": true}}';
    expect(judged('POST', CREATE, twice)).toMatch(/^400 .*twice/);
    // JSON itself takes the last of two equal names: what is sent on has one.
    const verdict = judgeRequest({ method: 'POST', url: CREATE });
    const body = Buffer.from(
      '{"HostConfig": {"Privileged": true, "Privileged": false}, "a": 9007199254740993}',
    );
    const passed = verdict.kind === 'look' ? verdict.judge(body) : verdict;
    expect(passed).toMatchObject({ kind: 'pass' });
    expect('body' in passed && passed.body?.toString()).toBe(
      '{"HostConfig":{"Privileged":false},"a":9007199254740993}',
    );
  });

  it.each([
    ['the Kelvin sign', '{"HostConfig": {"NetworkMode": "bridge", "NetworK\\u212aMode": "host"}}'],
    ['no JSON', '{"HostConfig": '],
    ['two values', '{} {"HostConfig": {"Privileged": true}}'],
    ['no object', '[]'],
    ['a HostConfig that is none', '{"HostConfig": [{"Privileged": true}]}'],
    ['a depth that nobody reads', `{"a": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ])('whose body is %s is a mistake', (_what, body) => {
    expect(judged('POST', CREATE, body)).toMatch(/^400 /);
  });

  it.each([
    ['/containers/%63reate', '403'],
    ['/v1.41%2Fcontainers/create', '403'],
    ['//containers/create', '400'],
    ['/x/../containers/create', '400'],
    ['/containers/./create', '400'],
    ['/containers/create%00', '400'],
    ['/containers/%zz', '400'],
    ['http://x/containers/create', '400'],
    ['*', '400'],
    ['/build?t=a;networkmode=host', '400'],
    ['/v1.12/containers/create', '400'],
    ['/v1.23/containers/create', '400'],
  ])('at %s is no way round', (url, status) => {
    expect(judged('POST', url, { HostConfig: { Privileged: true } })).toMatch(new RegExp(`^${status} `));
  });

  it('brings no parameters in a form, which would count before those of the URL', () => {
    const form = 'application/x-www-form-urlencoded; charset=utf-8';
    expect(judged('POST', '/build', 'networkmode=host', form)).toMatch(/^415 /);
    expect(judged('POST', '/build', '', 'application/x-tar')).toBe('pass');
  });

  it('passes when it only asks', () => {
    for (const path of ['/_ping', '/plugins', '/swarm', '/info', '/v1.41/containers/json?all=1', '/events'])
      expect(judged('GET', path)).toBe('pass');
  });

  it('may become a stream only where engines make one of it', () => {
    const streams = ['/v1.41/containers/x/attach?stream=1', '/exec/x/start', '/session', '/grpc'];
    expect(streams.filter(mayUpgrade)).toEqual(streams);
    expect(['/containers/create', '/build', '/exec/x/json', '//session'].filter(mayUpgrade)).toEqual([]);
  });
});

function bindVolume(): unknown {
  return { Name: 'x', Driver: 'local', DriverOpts: { type: 'none', o: 'bind', device: '/' } };
}

function share(): unknown {
  return { DriverOpts: { type: 'nfs', o: 'addr=10.0.0.1', device: ':/' } };
}
