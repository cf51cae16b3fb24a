import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import type { Engine } from '../docker/engine.ts';
import { InternalError, SecretUnavailable } from '../model/errors.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { MIN_SECRET_BYTES, SecretMask, trimEnd } from './secret-mask.ts';

/** Where a container has its secrets, a file each. */
export const SECRETS_DIRECTORY = '/run/secrets';

/** Only the user that the task runs as reads them. */
const FILE_MODE = 0o400;

/** Values by name. They are in this process and in the container, and nowhere else. */
export type RunSecrets = ReadonlyMap<string, Buffer>;

/**
 * The values of a task's secrets.
 * @throws {SecretUnavailable} when one is not to be had, or too short to be masked.
 */
export async function findSecrets(
  source: SecretSource | undefined,
  { project, level }: Pick<Plan, 'project' | 'level'>,
  { secrets = [] }: Pick<PlannedTask, 'secrets'>,
): Promise<RunSecrets> {
  const values = new Map<string, Buffer>();
  for (const { name } of secrets) {
    const value = await source?.find(name, { project, level });
    if (value === undefined) throw new SecretUnavailable(name, 'this worker has none of that name');
    if (trimEnd(value).byteLength < MIN_SECRET_BYTES)
      throw new SecretUnavailable(name, `it has fewer than ${MIN_SECRET_BYTES} bytes, too few to be masked`);
    values.set(name, value);
  }
  return values;
}

/** Takes secrets out of a log: what the source has now, and what the container was given, should that be something else by now. */
export async function maskOf(
  { containers }: Engine,
  container: string,
  secrets: RunSecrets,
  signal: AbortSignal,
): Promise<SecretMask> {
  const given: Buffer[] = [];
  for (const name of secrets.keys()) {
    const path = `${SECRETS_DIRECTORY}/${name}`;
    const found = await containers.readPath(container, path, signal).catch(() => undefined);
    if (found?.type === 'directory') found.tar.destroy();
    if (found?.type === 'file') given.push(await buffer(found.body));
  }
  return new SecretMask([...secrets.values(), ...given]);
}

/** Variables of those secrets for which the task wants one. */
export function secretEnvOf({ secrets = [] }: PlannedTask, values: RunSecrets): Record<string, string> {
  return Object.fromEntries(
    secrets.flatMap(({ name, env }) =>
      env === undefined ? [] : [[env, trimEnd(values.get(name) ?? Buffer.alloc(0)).toString('utf8')]],
    ),
  );
}

/** More entries, or bytes of them, than anybody's secrets are. */
const MOST_ENTRIES = 1_000;
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Takes everything out of a stopped container's directory of secrets that has content; an empty file of the name stays.
 * @throws {InternalError} when something is still there.
 */
export async function clearSecrets(
  { containers }: Engine,
  container: string,
  signal: AbortSignal,
): Promise<void> {
  const before = await contentOf(containers, container, signal);
  if (before.length === 0) return;
  const empty = pack();
  for (const name of new Set(before.map(({ top }) => top))) empty.entry({ name, mode: FILE_MODE }, '');
  empty.finalize();
  // Whatever stands there, a directory too, makes room for the file.
  const files = Readable.from(empty, { objectMode: false });
  await containers.putArchive(container, SECRETS_DIRECTORY, files, { signal });
  const after = await contentOf(containers, container, signal);
  if (after.some(({ bytes }) => bytes > 0))
    throw new InternalError(`${SECRETS_DIRECTORY} of ${container} could not be emptied`);
}

/** Everything below the directory of secrets: in which of its members it is, and its size. */
async function contentOf(
  containers: Engine['containers'],
  container: string,
  signal: AbortSignal,
): Promise<readonly { readonly top: string; readonly bytes: number }[]> {
  const found = await containers.readPath(container, SECRETS_DIRECTORY, signal);
  if (!found) return [];
  if (found.type === 'file') {
    found.body.destroy();
    throw new InternalError(`${SECRETS_DIRECTORY} of ${container} is no directory`);
  }
  const content: { top: string; bytes: number }[] = [];
  let total = 0;
  const entries = extract();
  const reading = pipeline(found.tar, entries, { signal });
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const bytes = entry.header.size ?? 0;
    total += bytes;
    if (content.length >= MOST_ENTRIES || total > MOST_BYTES)
      throw new InternalError(`There is too much in ${SECRETS_DIRECTORY} of ${container}`);
    const top = entry.header.name.split('/')[1] ?? '';
    if (top !== '') content.push({ top, bytes: entry.header.type === 'symlink' ? 0 : bytes });
    entry.resume();
  }
  await reading;
  return content;
}

/** Puts the secrets into a container that is created and not started, for its user alone. */
export async function putSecrets(
  { containers }: Engine,
  container: string,
  secrets: RunSecrets,
  signal: AbortSignal,
): Promise<void> {
  if (secrets.size === 0) return;
  const owner = await containers.owner(container);
  const tar = pack();
  for (const [name, value] of secrets) tar.entry({ name, mode: FILE_MODE }, value);
  tar.finalize();
  const files = Readable.from(tar, { objectMode: false });
  await containers.putArchive(container, SECRETS_DIRECTORY, files, { owner, signal });
}
