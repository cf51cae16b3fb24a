import type Docker from 'dockerode';
import type { ContainerState } from '../engine.ts';

/** The engine's zero of time, which stands for "not yet". */
const NEVER = '0001-01-01T00:00:00Z';

/** Slipway's three states of what an engine tells. */
export function stateOf({ Id, Created, State, Config }: Docker.ContainerInspectInfo): ContainerState {
  const state = simpleState(State.Status);
  const entrypoint = [Config.Entrypoint ?? []].flat();
  return {
    id: Id,
    state,
    created: Created,
    ...(State.StartedAt === NEVER ? {} : { started: State.StartedAt }),
    ...(State.FinishedAt === NEVER ? {} : { finished: State.FinishedAt }),
    ...(state === 'exited' ? { exitCode: State.ExitCode } : {}),
    outOfMemory: State.OOMKilled,
    ...(entrypoint.length > 0 ? { entrypoint } : {}),
    ...(State.Status === 'removing' || State.Dead ? { isBeingRemoved: true } : {}),
  };
}

/** `restarting` and `paused` have a process or will have one; `dead` and `removing` never again. */
export function simpleState(status: string): ContainerState['state'] {
  if (status === 'created') return 'created';
  return status === 'running' || status === 'paused' || status === 'restarting' ? 'running' : 'exited';
}
