import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { connectEngine } from '../../../docker/connect.ts';
import { LABEL } from '../../../docker/labels.ts';
import { nameInTarball } from '../../../model/engine-names.ts';
import { IMAGE_TARBALL } from '../../../model/pure/artifact-names.ts';
import { parseId } from '../../../model/pure/ids.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { InternalError } from '../../../model/errors.ts';
import { EngineAccess } from '../../../stack/engine-access.ts';
import { openStore } from '../../../store/open-store.ts';
import type { SlipwayApi } from '../../api.ts';
import { saveFile } from '../save-file.ts';

export interface TriedTarball {
  readonly sizeBytes: number;
  /** The name that the tarball carries. */
  readonly name: string;
  /** Whether the engine had an image of that name before, and after. */
  readonly wasThere: boolean;
  readonly isThere: boolean;
  /** What the command printed in a container of the loaded image. */
  readonly output: string;
  readonly exitCode: number | undefined;
}

/** Downloads the tarball of an image, loads it into the host's engine as `docker load` does, and runs a command in it. */
export async function tryTarball(
  api: SlipwayApi,
  connections: Connections,
  options: { readonly taskId: string; readonly command: readonly string[]; readonly signal: AbortSignal },
): Promise<TriedTarball> {
  const { taskId, command, signal } = options;
  const id = parseId(taskId);
  if (id?.kind !== 'image') throw new InternalError(`${taskId} is no image`);
  const name = nameInTarball(id);
  const access = new EngineAccess(connections.runnerEngine);
  const wasThere = await access.hasImage(name);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-demo-'));
  try {
    const path = join(directory, 'image.tar');
    const { body } = await api.download(taskId, IMAGE_TARBALL, { signal });
    const sizeBytes = await saveFile(body, path, { signal });
    await access.loadImage(path, signal);
    const isThere = await access.hasImage(name);
    return { sizeBytes, name, wasThere, isThere, ...(await runIn(name, command, { connections, signal })) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runIn(
  image: string,
  command: readonly string[],
  { connections, signal }: { readonly connections: Connections; readonly signal: AbortSignal },
): Promise<{ output: string; exitCode: number | undefined }> {
  const store = openStore(connections.store);
  const { runnerEngine: address, fleet } = connections;
  const engine = await connectEngine({ address, blobs: store.blobs, reach: { kind: 'none' }, fleet });
  const name = `slipway-demo-${process.pid}`;
  try {
    const engineImageId = await engine.images.find(image);
    if (engineImageId === undefined) return { output: '', exitCode: undefined };
    const resources = { pids: 100, shmBytes: 64_000_000 };
    const labels = { [LABEL.fleet]: fleet };
    await engine.containers.ensureCreated(
      { name, engineImageId, command, env: {}, labels, resources },
      signal,
    );
    await engine.containers.start(name);
    const output = await text(await engine.containers.output(name, signal));
    const { exitCode } = await engine.containers.wait(name, signal);
    return { output: output.trim(), exitCode };
  } finally {
    await engine.containers.remove(name);
    await engine.images.remove(image);
    await engine.close();
    store.close();
  }
}
