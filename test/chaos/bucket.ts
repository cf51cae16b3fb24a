import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import type { z } from 'zod';
import type { Stack } from './machine.ts';

/** All objects of a bucket, read once: what the audit looks at holds still. */
export class Bucket {
  readonly #objects: ReadonlyMap<string, Buffer>;
  /** Multipart uploads that nobody completed or aborted. */
  readonly unfinishedUploads: number;

  private constructor(objects: ReadonlyMap<string, Buffer>, unfinishedUploads: number) {
    this.#objects = objects;
    this.unfinishedUploads = unfinishedUploads;
  }

  static async read({
    endpoint,
    region,
    bucket: Bucket_,
    accessKeyId,
    secretAccessKey,
  }: Stack['store']): Promise<Bucket> {
    const client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
    const objects = new Map<string, Buffer>();
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: Bucket_ })) {
      for (const { Key = '' } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: Bucket_, Key }));
        objects.set(Key, Buffer.from((await Body?.transformToByteArray()) ?? []));
      }
    }
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: Bucket_ }));
    client.destroy();
    return new Bucket(objects, Uploads.length);
  }

  keys(pattern: RegExp): readonly string[] {
    return [...this.#objects.keys()].filter((key) => pattern.test(key));
  }

  bytes(key: string): Buffer {
    return this.#objects.get(key) ?? Buffer.alloc(0);
  }

  blob(digest: string): Buffer | undefined {
    return this.#objects.get(`blobs/sha256/${digest.replace('sha256:', '')}`);
  }

  json<T>(pattern: RegExp, schema: z.ZodType<T>): readonly T[] {
    return this.keys(pattern).map((key) => schema.parse(JSON.parse(this.bytes(key).toString())));
  }

  /** By the layout that the documents tell: `level-<L>/tasks/<kind>/…/runs/<n>/artifacts/<name>`. */
  artifact(taskId: string, run: number, name: string): Buffer | undefined {
    const [kind, owner, level, fourth, ...rest] = taskId.split('/');
    const place = kind === 'image' ? [fourth, ...rest].join('/') : `${fourth}/${rest.join('~')}`;
    return this.#objects.get(`level-${level}/tasks/${kind}/${owner}/${place}/runs/${run}/artifacts/${name}`);
  }
}
