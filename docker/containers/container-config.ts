import type Docker from 'dockerode';
import type { ContainerSpec } from '../engine.ts';
import { KIND, LABEL } from '../labels.ts';
import type { MountedVolume } from '../volumes.ts';

/**
 * What root in a task keeps, enough for package managers, `su` and servers on low ports. Of Docker's own default these are
 * missing: NET_RAW (forging packets), MKNOD, AUDIT_WRITE, SETFCAP.
 */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/** As good as no limit; the driver knows none that a configuration of the engine could not override. */
const LOG_MAX_SIZE = '1000g';

/** Waits for a line that never comes: every shell can, and nothing else is needed in the image. */
const IDLE = { Entrypoint: ['/bin/sh', '-c', 'read -r _'], Cmd: [], OpenStdin: true };

/** The labels of a container and its network. */
export function labelsOf(spec: ContainerSpec, fleet: string): Record<string, string> {
  return { [LABEL.kind]: KIND.task, ...spec.labels, [LABEL.fleet]: fleet };
}

/**
 * What the engine is asked to create. There is no init process, as in `docker run`: with one, a command that does not
 * exist would start well and then exit with 127.
 */
export function containerConfig(
  spec: ContainerSpec,
  engine: { readonly fleet: string; readonly cpus: number },
): Docker.ContainerCreateOptions {
  const { memoryBytes, cpus, pids, shmBytes } = spec.resources;
  return {
    name: spec.name,
    Image: spec.engineImageId,
    ...(spec.isIdle ? IDLE : spec.command ? { Cmd: [...spec.command] } : {}),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.workingDirectory === undefined ? {} : { WorkingDir: spec.workingDirectory }),
    Labels: labelsOf(spec, engine.fleet),
    Tty: false,
    HostConfig: {
      NetworkMode: spec.network ?? spec.name,
      ...(spec.dockerSocket === undefined ? {} : { Binds: [`${spec.dockerSocket}:/var/run/docker.sock`] }),
      CapDrop: ['ALL'],
      CapAdd: spec.allowPtrace ? [...CAPABILITIES, 'SYS_PTRACE'] : CAPABILITIES,
      SecurityOpt: ['no-new-privileges', ...(spec.disableSeccomp ? ['seccomp=unconfined'] : [])],
      ...(spec.devices?.length ? { Devices: spec.devices.map(deviceAt) } : {}),
      PidsLimit: pids,
      ShmSize: shmBytes,
      // The same number for both: no swap, so that the limit is one.
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus === undefined ? {} : { NanoCpus: nanoCpus(cpus, engine.cpus) }),
      LogConfig: { Type: logDriver(spec), Config: { 'max-size': LOG_MAX_SIZE } },
      ...(spec.volumes?.length ? { Mounts: spec.volumes.map(mountOf) } : {}),
    },
  };
}

/**
 * In json-file each byte that is not UTF-8 becomes another, also of a letter across whose middle a line of more than 16 KiB is
 * cut; local keeps bytes, but with Docker 20.10 not the end of such a line.
 */
function logDriver({ printsData = false }: ContainerSpec): string {
  return printsData ? 'local' : 'json-file';
}

/** An engine refuses more processors than it has: whoever names more has all of them. */
export function nanoCpus(cpus: number, all: number): number {
  return Math.round(Math.min(cpus, all) * 1e9);
}

function deviceAt(path: string): Docker.DeviceMapping {
  return { PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rw' };
}

function mountOf({ path, name = '', labels }: MountedVolume): Docker.MountSettings {
  const options = { NoCopy: true, Labels: { ...labels }, DriverConfig: { Name: 'local', Options: {} } };
  return { Type: 'volume', Source: name, Target: path, VolumeOptions: options };
}
