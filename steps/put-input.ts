import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Engine } from '../docker/engine.ts';
import type { SlipwayError } from '../model/errors.ts';
import { DigestMismatch, InputUnavailable, isSlipwayError } from '../model/errors.ts';
import { formatBytes } from '../model/format-bytes.ts';
import { LIVE_LOG } from '../model/pure/artifact-names.ts';
import type { Store } from '../store/store.ts';
import type { InputFile } from './input-files.ts';
import { isEmptyDirectory } from './input-files.ts';
import type { StepContext } from './step-context.ts';

export interface FoundInput {
  /** Where it is put. */
  readonly path: string;
  /** The name that the task takes: of a file, or of the directory that has the files. */
  readonly artifact: string;
  readonly files: readonly InputFile[];
}

/**
 * Puts an artifact into a container, all files of a directory at once, each held against the digest that its run's record says.
 * @throws {InputUnavailable} when one is not there any more, or is damaged. @throws {PathUnusable}
 */
export async function putInput(
  { store, engine }: { readonly store: Store; readonly engine: Engine },
  container: {
    readonly name: string;
    readonly owner: { readonly uid: number; readonly gid: number };
    readonly say: (line: string) => void;
  },
  { path, artifact, files }: FoundInput,
  { signal, onProgress }: StepContext,
): Promise<void> {
  const { name, owner, say } = container;
  const pathOf = ({ record }: InputFile): string =>
    record.name === artifact ? path : `${path}/${record.name.slice(artifact.length + 1)}`;
  const current = await Promise.all(files.map((file) => asItIs(store, file)));
  const isFile = ({ record }: InputFile): boolean => !isEmptyDirectory(record);
  const bytes = current.reduce((sum, { record }) => sum + record.sizeBytes, 0);
  const wanted = current.filter(isFile).map((file) => ({
    path: pathOf(file),
    sizeBytes: file.record.sizeBytes,
    executable: file.record.executable,
    open: () => Promise.resolve(Readable.from(asRecorded(store, file, signal), { objectMode: false })),
  }));
  const directories = current.filter((file) => !isFile(file)).map(pathOf);
  if (wanted.length > 0)
    say(
      `Putting ${wanted.length} ${wanted.length === 1 ? 'file' : 'files'} (${formatBytes(bytes)}) into ${path}`,
    );
  let put = 0;
  let bytesPut = 0;
  const onFile = ({ sizeBytes }: { readonly sizeBytes: number }): void => {
    put += 1;
    bytesPut += sizeBytes;
    onProgress({ message: `putting files into ${path}: ${put} of ${wanted.length}`, bytes: bytesPut });
  };
  await engine.containers.putFiles(name, wanted, { directories, owner, signal, onFile });
}

/** A log may have got a late word since its run was recorded. */
async function asItIs({ artifacts }: Store, file: InputFile): Promise<InputFile> {
  const { taskId, run, record } = file;
  if (file.open || record.name !== LIVE_LOG) return file;
  return { ...file, record: (await artifacts.find(taskId, run, record.name)) ?? record };
}

/**
 * The bytes of an artifact as its run's record has them: what the store says of it, and holds them against, may be another one's by
 * now. Opened when it is read. A record lives as long as its push, and an artifact as long as its task says. @throws {InputUnavailable}
 */
async function* asRecorded(
  { artifacts }: Store,
  file: InputFile,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { taskId, run, record, open } = file;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const body = open?.(signal) ?? (await artifacts.read(taskId, run, record.name, signal));
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > record.sizeBytes)
        throw new DigestMismatch(record.name, `${record.sizeBytes} bytes`, 'more');
      hash.update(chunk);
      yield chunk;
    }
    if (bytes < record.sizeBytes)
      throw new DigestMismatch(record.name, `${record.sizeBytes} bytes`, `${bytes}`);
    const sha256 = hash.digest('hex');
    if (!open && sha256 !== record.sha256)
      throw new DigestMismatch(record.name, record.sha256 ?? 'a digest', sha256);
  } catch (error) {
    throw asUnavailable(error, file);
  }
}

/** In words, what became of it; undefined of trouble that has nothing to do with it. */
function whyUnavailable({ type }: SlipwayError, { expires }: InputFile['record']): string | undefined {
  if (type === 'DigestMismatch') return 'is damaged in the store';
  if (type !== 'NotFound') return undefined;
  const hasExpired = expires !== undefined && Date.parse(expires) <= Date.now();
  return hasExpired ? `has expired at ${expires}` : 'is not in the store any more';
}

function asUnavailable(cause: unknown, { taskId, run, record }: InputFile): unknown {
  const why = isSlipwayError(cause) ? whyUnavailable(cause, record) : undefined;
  if (why === undefined) return cause;
  const what = `Artifact "${record.name}" of run ${run} of ${taskId}`;
  return new InputUnavailable(`${what} ${why}; run that task again`, { cause });
}
