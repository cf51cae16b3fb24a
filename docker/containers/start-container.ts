import type Docker from 'dockerode';
import { ContainerStartFailed, DeviceUnavailable, EngineRequestFailed } from '../../model/errors.ts';
import { detailOf, statusCodeOf, unlessStatus } from '../engine-errors.ts';

/** Exit codes by which Docker says that a command cannot be run: not executable, not found. */
const CANNOT_RUN = [126, 127];

/**
 * Starts a created container; one that runs or has run is left as it is.
 *
 * @throws {ContainerStartFailed} when the command does not exist or cannot be executed.
 * @throws {DeviceUnavailable} when the machine has not a device that the container was to have.
 */
export async function startContainer(container: Docker.Container): Promise<void> {
  const { State, HostConfig } = await container.inspect();
  if (State.Status !== 'created') return;
  try {
    await unlessStatus([304], () => container.start());
  } catch (error) {
    const { State: after } = await container.inspect();
    if (after.Running) return;
    const device = (HostConfig.Devices as Docker.DeviceMapping[] | null)?.find(({ PathOnHost }) =>
      // There is no code for it.
      detailOf(error).includes(`"${PathOnHost}"`),
    );
    if (device) throw new DeviceUnavailable(device.PathOnHost, detailOf(error), { cause: error });
    if (CANNOT_RUN.includes(after.ExitCode))
      throw new ContainerStartFailed(detailOf(error), after.ExitCode, { cause: error });
    if (statusCodeOf(error) === undefined) throw error;
    throw new EngineRequestFailed('start container', statusCodeOf(error), detailOf(error), { cause: error });
  }
}
