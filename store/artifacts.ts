import type { Readable } from 'node:stream';
import { InternalError, NotFound } from '../model/errors.ts';
import type { SavedArtifacts } from '../model/pure/payloads.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import { artifactRecordSchema, savedArtifactsSchema } from '../model/schema/records.ts';
import { checkDigest } from './check-digest.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import { createJson, readJson } from './json-object.ts';
import { artifactKey, artifactsPrefix, savedKey } from './keys.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';
import { putStaged } from './staged-upload.ts';
import type { Artifacts } from './store.ts';

/** `runs/<n>/artifacts/<name>`: the bytes as downloaded; what else the record says is the object's metadata. Beside them the list of what was saved. */
export function createArtifacts(objects: ObjectStore): Artifacts {
  return {
    write: (taskId, run, name, body, options) =>
      writeArtifact(objects, artifactKey(taskId, run, name), { name, body, ...options }),

    async find(taskId, run, name) {
      const info = await objects.head(artifactKey(taskId, run, name));
      return info && recordOf(info);
    },

    async read(taskId, run, name, signal, start = 0) {
      const key = artifactKey(taskId, run, name);
      const info = await objects.head(key, signal);
      const body = info && (await objects.stream(key, { start, signal }));
      if (!body) throw new NotFound(`Run ${run} of ${taskId} has no artifact "${name}"`);
      if (start > 0) return body;
      return checkDigest(
        body,
        `sha256:${recordOf(info).sha256}`,
        `Artifact "${name}" of run ${run} of ${taskId}`,
      );
    },

    async list(taskId, run) {
      const keys: string[] = [];
      for await (const { key } of objects.list(artifactsPrefix(taskId, run))) keys.push(key);
      const infos = await mapConcurrently(keys, (key) => objects.head(key));
      return infos.filter((info) => info !== undefined).map(recordOf);
    },

    recordSaved(taskId, run, saved) {
      const schema = savedArtifactsSchema;
      return createJson<SavedArtifacts>(objects, savedKey(taskId, run), {
        schema,
        value: schema.parse(saved),
      });
    },

    async findSaved(taskId, run) {
      return (await readJson(objects, savedKey(taskId, run), savedArtifactsSchema))?.value;
    },
  };
}

/** Streams an artifact in with flat memory; it appears whole, together with its record. */
export async function writeArtifact(
  objects: ObjectStore,
  key: string,
  artifact: {
    readonly name: string;
    readonly body: Readable;
    readonly contentType: string;
    readonly expires?: string | undefined;
    readonly executable?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
    /** Beyond what the record says. */
    readonly metadata?: Readonly<Record<string, string>>;
  },
): Promise<ArtifactRecord> {
  const { name, body, contentType, expires, executable, signal } = artifact;
  const fixed = {
    ...artifact.metadata,
    name: encodeURIComponent(name),
    ...(expires ? { expires } : {}),
    ...(executable ? { executable: 'true' } : {}),
  };
  const { sha256, sizeBytes } = await putStaged(objects, body, {
    place: async (hashed) => ({ key, contentType, metadata: { ...fixed, sha256: hashed.sha256 } }),
    signal,
  });
  return {
    name,
    sizeBytes,
    sha256,
    contentType,
    ...(expires ? { expires } : {}),
    ...(executable ? { executable } : {}),
  };
}

/** The record that an artifact's object carries. @throws {InternalError} when the object was not written by Slipway. */
export function recordOf(info: ObjectInfo): ArtifactRecord {
  const { name, sha256, expires, executable } = info.metadata ?? {};
  const parsed = artifactRecordSchema.safeParse({
    name: name === undefined ? undefined : decodeURIComponent(name),
    sizeBytes: info.sizeBytes,
    sha256,
    contentType: info.contentType,
    ...(expires ? { expires } : {}),
    ...(executable === 'true' ? { executable: true } : {}),
  });
  if (parsed.success) return parsed.data;
  throw new InternalError(`Artifact ${info.key} in the store has a damaged record: ${parsed.error.message}`);
}
