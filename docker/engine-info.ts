import type Docker from 'dockerode';
import { inEngine } from './engine-errors.ts';
import type { EngineInfo } from './engine.ts';

/** What an engine tells about itself. @throws {EngineUnavailable} */
export async function readEngineInfo(docker: Docker, address: string): Promise<EngineInfo> {
  const [info, version] = await inEngine({ address, doing: 'info' }, () =>
    Promise.all([docker.info() as Promise<SystemInfo>, docker.version()]),
  );
  return {
    id: info.ID,
    version: info.ServerVersion,
    apiVersion: version.ApiVersion,
    imageStore: isContainerdStore(info) ? 'containerd' : 'classic',
    // One that says no number was built from its sources, and is new.
    pullsZstd: !(Number.parseInt(info.ServerVersion, 10) < 23),
    platform: `${info.OSType}/${ARCHITECTURES[info.Architecture] ?? info.Architecture}`,
    rootDirectory: info.DockerRootDir,
    ...(info.IndexServerAddress ? { indexServerAddress: info.IndexServerAddress } : {}),
    liveRestore: info.LiveRestoreEnabled === true,
    time: Date.parse(info.SystemTime),
    memoryBytes: info.MemTotal,
    cpus: info.NCPU,
  };
}

interface SystemInfo {
  readonly ID: string;
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly DockerRootDir: string;
  readonly IndexServerAddress?: string;
  readonly LiveRestoreEnabled?: boolean;
  readonly SystemTime: string;
  readonly MemTotal: number;
  readonly NCPU: number;
  readonly DriverStatus?: readonly (readonly [string, string])[] | null;
}

/** The kernel's names on the left, those of OCI platforms on the right. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm/v7',
  i686: '386',
};

function isContainerdStore({ DriverStatus: status }: SystemInfo): boolean {
  return (status ?? []).some(
    ([name, value]) => name === 'driver-type' && value === 'io.containerd.snapshotter.v1',
  );
}
