import { dockerAt } from './client.ts';
import { DockerodeEngine } from './dockerode-engine.ts';
import { readEngineInfo } from './engine-info.ts';
import type { EngineOptions } from './engine-options.ts';
import type { Engine } from './engine.ts';
import { EngineRoom } from './room/engine-room.ts';
import { expectUsable } from './usable-engine.ts';

/**
 * Connects to an engine: it answers and can be used, or this throws. The image endpoint is started by the first transfer.
 *
 * @throws {EngineUnavailable} {ConfigInvalid} for an address that is none, or an engine that images cannot be moved to.
 */
export async function connectEngine(options: EngineOptions): Promise<Engine> {
  const docker = dockerAt(options.address);
  const info = await readEngineInfo(docker, options.address);
  if (!options.movesNoImages) expectUsable(info, options.address);
  const room = options.room && new EngineRoom(docker, await options.room(info));
  return new DockerodeEngine(docker, info, { ...options, room });
}
