import { S3Client } from '@aws-sdk/client-s3';
import type { Connections } from '../model/schema/connections.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { OutageListener } from './outages.ts';
import { OutageWatch } from './outages.ts';
import { BufferPool } from './part-buffers.ts';
import { withPatience } from './patience.ts';
import { isAbort, isPassingTrouble, isTransient, reasonOf, toStoreError } from './s3-errors.ts';
import { StoreClock } from './store-clock.ts';

export type S3Config = Connections['store'];

export interface S3Limits {
  /** Size of the first parts of a multipart upload; also what is held of a body before it is decided how to send it. */
  readonly partBytes: number;
  /** After so many parts each is twice as large as before: S3 takes 10,000 of them. */
  readonly partsOfOneSize: number;
  /** Parts on their way at once, per stream. One more is being filled. */
  readonly partsInFlight: number;
  /** Largest object that one request may put or copy. */
  readonly singleRequestMaxBytes: number;
  /** Keys in one page of a listing and in one request to delete; S3 takes 1000. */
  readonly keysPerRequest: number;
  /** A connection on which nothing moves for so long is given up. */
  readonly idleTimeoutMs: number;
  /** The same while the server works without a word (copying, joining parts). */
  readonly serverWorkTimeoutMs: number;
  /** How long an operation is repeated since its first failure. */
  readonly patienceMs: number;
}

export const S3_LIMITS: S3Limits = {
  // The least that S3 takes: five layers are written at once, and memory stays flat.
  partBytes: 5 * 1024 ** 2,
  // Bodies of 302 GiB; memory is flat for the first 10, and grows with the parts.
  partsOfOneSize: 2000,
  partsInFlight: 2,
  singleRequestMaxBytes: 5 * 1024 ** 3,
  keysPerRequest: 1000,
  idleTimeoutMs: 30_000,
  serverWorkTimeoutMs: 900_000,
  patienceMs: 60_000,
};

/** The server works on these for long, or their bodies take long: a late answer says nothing of its health. */
const LONG_OPERATIONS = new Set([
  'UploadPart',
  'PutObject',
  'CompleteMultipartUpload',
  'CopyObject',
  'UploadPartCopy',
]);

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_SOCKETS = 256;
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A connection to one bucket: the clients, the limits, and the way every request is repeated and its error named. */
export interface S3Session {
  readonly client: S3Client;
  /** For requests during which the server works silently for long. */
  readonly patientClient: S3Client;
  readonly bucket: string;
  readonly limits: S3Limits;
  readonly outages: OutageWatch;
  readonly clock: StoreClock;
  readonly partBuffers: BufferPool;
  /** Carries a repeatable request out with patience. @throws errors of the model; the signal's reason when it was aborted. */
  call<T>(
    operation: string,
    key: string,
    attempt: (tries: number) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
  /** Sends a request once; its end is seen by the watch. */
  watch<T>(operation: string, request: () => Promise<T>): Promise<T>;
  close(): void;
}

export function createS3Session(
  config: S3Config,
  limits: S3Limits,
  listener: OutageListener = {},
): S3Session {
  const { bucket } = config;
  const outages = new OutageWatch(listener);
  const watch = async <T>(operation: string, request: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    try {
      const answer = await request();
      outages.answered(LONG_OPERATIONS.has(operation) ? undefined : began);
      return answer;
    } catch (error) {
      if (isPassingTrouble(error)) outages.failed(reasonOf(error), began);
      // A refusal is an answer too.
      else if (!isAbort(error)) outages.answered();
      throw error;
    }
  };
  const clock = new StoreClock();
  const client = createClient(config, { limits, clock, idleTimeoutMs: limits.idleTimeoutMs });
  const patientClient = createClient(config, { limits, clock, idleTimeoutMs: limits.serverWorkTimeoutMs });
  return {
    client,
    patientClient,
    bucket,
    limits,
    outages,
    clock,
    partBuffers: new BufferPool(),
    watch,
    async call(operation, key, attempt, signal) {
      const took = startStopwatch();
      try {
        return await withPatience((tries) => watch(operation, () => attempt(tries)), {
          budgetMs: limits.patienceMs,
          isTransient,
          signal,
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw toStoreError(error, { operation, bucket, key, waitedMs: took() });
      }
    },
    close() {
      client.destroy();
      patientClient.destroy();
    },
  };
}

function createClient(
  config: S3Config,
  {
    limits,
    clock,
    idleTimeoutMs,
  }: { readonly limits: S3Limits; readonly clock: StoreClock; readonly idleTimeoutMs: number },
): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = config;
  const client = new S3Client({
    ...(endpoint ? { endpoint } : {}),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    // Everything worth saying is in the errors; the SDK would print to the console.
    logger: SILENT,
    // Digests are given by us where they are known; the SDK would wrap streams into chunked trailers otherwise.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Only streams, which cannot be sent twice, wait for the server's word before the body.
    expectContinueHeader: limits.partBytes + 1,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: idleTimeoutMs,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  });
  hashPayloadOnce(client);
  sendBuffersAtOnce(client);
  keepTransportErrors(client);
  hearTime(client, clock);
  return client;
}

/** The signature covers the digest that the request carries anyway: a part is not hashed a second time for it. */
function hashPayloadOnce(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string>; body?: unknown };
      const checksum = request.headers['x-amz-checksum-sha256'];
      if (checksum && Buffer.isBuffer(request.body))
        request.headers['x-amz-content-sha256'] = Buffer.from(checksum, 'base64').toString('hex');
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'slipwayPayloadHash' },
  );
}

/** What is in memory can be sent again: it does not wait for the server's word, however large it is. */
function sendBuffersAtOnce(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string>; body?: unknown };
      if (Buffer.isBuffer(request.body)) delete request.headers['Expect'];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'slipwaySendBuffersAtOnce' },
  );
}

/**
 * Errors of the connection come out as Node threw them. The SDK replaces those of another realm (any under jest) by a
 * text, and with them goes the code that says whether to try again.
 */
function keepTransportErrors(client: S3Client): void {
  const failures = new WeakMap<object, { readonly error: unknown }>();
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        failures.set(context, { error });
        throw error;
      }
    },
    { step: 'deserialize', priority: 'low', name: 'slipwaySeeTransportError' },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw failures.get(context)?.error ?? error;
      }
    },
    { step: 'initialize', priority: 'high', name: 'slipwayThrowTransportError' },
  );
}

/** Also of answers that are refusals. */
function hearTime(client: S3Client, clock: StoreClock): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> };
      clock.hear(headers?.['date']);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'slipwayHearTime' },
  );
}

function ignore(): void {}
