import { Readable } from 'node:stream';
import { mapAhead, mapConcurrently } from '../model/concurrently.ts';
import { InternalError } from '../model/errors.ts';
import { LIVE_LOG, LIVE_LOG_TYPE } from '../model/pure/artifact-names.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import { recordOf, writeArtifact } from './artifacts.ts';
import { artifactKey, logChunkKey, logPrefix } from './keys.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';
import type { Outages } from './outages.ts';
import type { LogChunk, Logs } from './store.ts';

/** A log of hours has thousands of chunks, each a round trip: so many loads of them are under way at once … */
const LOADS_AHEAD = 2;
/** … each of so many chunks, or of fewer that are large: they are in memory. */
const LOAD_CHUNKS = 16;
const LOAD_BYTES = 2 * 1024 * 1024;

/** What a run without output has. */
const NOTHING = { seq: -1, taskBytes: 0 };

/**
 * A run's log: chunks `runs/<n>/log/<seq>` while it runs, the artifact `public/logs/live.log` afterwards. The artifact
 * knows the number of the last chunk in it, so the log is always "the artifact, if any, then the chunks after it",
 * however far an earlier `finish` came.
 */
export function createLogs(objects: ObjectStore, outages: Outages): Logs {
  async function* chunks(taskId: string, run: number, afterSeq?: number): AsyncGenerator<LogChunk, void> {
    const startAfter = afterSeq === undefined ? undefined : logChunkKey(taskId, run, afterSeq);
    const loads = loadsOf(objects.list(logPrefix(taskId, run), { startAfter }));
    const fetch = async (key: string) => ({ key, object: await objects.get(key) });
    for await (const load of mapAhead(loads, (keys) => mapConcurrently(keys, fetch), LOADS_AHEAD))
      for (const { key, object } of load) {
        // Removed since the listing: the log was finished.
        if (!object) return;
        yield { seq: seqOf(key), text: object.body, taskBytes: taskBytesOf(object.info) };
      }
  }

  async function* wholeLog(taskId: string, run: number, upToSeq = Infinity): AsyncGenerator<Buffer, void> {
    let sentBytes = 0;
    const artifact = await findArtifact(objects, taskId, run);
    let lastSeq = artifact?.last.seq ?? -1;
    for await (const bytes of streamFrom(artifact, sentBytes)) {
      sentBytes += bytes.length;
      yield bytes;
    }
    for await (const { seq, text } of chunks(taskId, run, artifact?.last.seq)) {
      if (seq > upToSeq) break;
      sentBytes += text.length;
      lastSeq = seq;
      yield text;
    }
    // When it was finished meanwhile, its chunks went away under our hands; the artifact has the same bytes.
    const finished = await findArtifact(objects, taskId, run);
    if (finished && finished.last.seq > lastSeq) yield* streamFrom(finished, sentBytes);
  }

  async function* streamFrom(artifact: LogArtifact | undefined, start: number): AsyncGenerator<Buffer, void> {
    const body = artifact && (await objects.stream(artifact.key, { start }));
    if (body) yield* body as AsyncIterable<Buffer>;
  }

  /** What there is of a log, and the last chunk in it. Its artifact is looked for last: it is there before a chunk of it goes. */
  async function look(taskId: string, run: number): Promise<LookedAt> {
    const there = await listChunks(objects, taskId, run);
    const newest = there.at(-1);
    const chunk = newest && (await objects.head(newest.key));
    const artifact = await findArtifact(objects, taskId, run);
    const joined = artifact?.last ?? NOTHING;
    const own = chunk ? { seq: seqOf(chunk.key), taskBytes: taskBytesOf(chunk) } : NOTHING;
    return { there, artifact, last: joined.seq > own.seq ? joined : own };
  }

  return {
    outages,

    async append(taskId, run, chunk) {
      await objects.put(logChunkKey(taskId, run, chunk.seq), chunk.text, {
        onlyIf: 'absent',
        contentType: LIVE_LOG_TYPE,
        metadata: { taskbytes: String(chunk.taskBytes) },
      });
    },

    async findLast(taskId, run) {
      const { last } = await look(taskId, run);
      return last.seq < 0 ? undefined : last;
    },

    chunks,

    async finish(taskId, run, signal) {
      const { there, artifact, last } = await look(taskId, run);
      let record = artifact?.record;
      if (!record || last.seq > (artifact?.last.seq ?? NOTHING.seq)) {
        record = await writeArtifact(objects, artifactKey(taskId, run, LIVE_LOG), {
          name: LIVE_LOG,
          body: Readable.from(wholeLog(taskId, run, last.seq), { objectMode: false }),
          contentType: LIVE_LOG_TYPE,
          metadata: { lastseq: String(last.seq), taskbytes: String(last.taskBytes) },
          signal,
        });
      }
      // From the end, so that who reads meanwhile misses the tail and not the middle.
      await objects.delete(there.map(({ key }) => key).reverse(), signal);
      return record;
    },

    async isFinished(taskId, run) {
      const artifact = await findArtifact(objects, taskId, run);
      if (!artifact) return false;
      const last = (await listChunks(objects, taskId, run)).at(-1);
      return last === undefined || seqOf(last.key) <= artifact.last.seq;
    },

    async dropLate(taskId, run, seq) {
      if (await findArtifact(objects, taskId, run)) await objects.delete([logChunkKey(taskId, run, seq)]);
    },

    async read(taskId, run) {
      return Readable.from(wholeLog(taskId, run), { objectMode: false });
    },
  };
}

/** The end of a chunk in the log. */
type Reach = Pick<LogChunk, 'seq' | 'taskBytes'>;

interface LookedAt {
  readonly there: readonly ObjectInfo[];
  readonly artifact: LogArtifact | undefined;
  readonly last: Reach;
}

interface LogArtifact {
  readonly key: string;
  /** The last chunk in it. */
  readonly last: Reach;
  readonly record: ArtifactRecord;
}

async function findArtifact(
  objects: ObjectStore,
  taskId: string,
  run: number,
): Promise<LogArtifact | undefined> {
  const info = await objects.head(artifactKey(taskId, run, LIVE_LOG));
  if (!info) return undefined;
  const seq = Number(info.metadata?.['lastseq'] ?? NOTHING.seq);
  return { key: info.key, last: { seq, taskBytes: taskBytesOf(info) }, record: recordOf(info) };
}

async function listChunks(objects: ObjectStore, taskId: string, run: number): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of objects.list(logPrefix(taskId, run))) found.push(info);
  return found;
}

/** Keys of chunks, in order, in loads. */
async function* loadsOf(chunks: AsyncIterable<ObjectInfo>): AsyncGenerator<readonly string[], void> {
  let load: string[] = [];
  let bytes = 0;
  for await (const { key, sizeBytes } of chunks) {
    load.push(key);
    bytes += sizeBytes;
    if (load.length < LOAD_CHUNKS && bytes < LOAD_BYTES) continue;
    yield load;
    [load, bytes] = [[], 0];
  }
  if (load.length > 0) yield load;
}

function seqOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}

function taskBytesOf(info: ObjectInfo): number {
  const taskBytes = Number(info.metadata?.['taskbytes']);
  if (Number.isInteger(taskBytes)) return taskBytes;
  throw new InternalError(`Log chunk ${info.key} in the store does not say how far it reaches`);
}
