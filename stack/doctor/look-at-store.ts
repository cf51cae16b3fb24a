import { setTimeout as delay } from 'node:timers/promises';
import type { Connections } from '../../model/schema/connections.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { openStore } from '../../store/open-store.ts';
import { probeStore } from '../../store/probe.ts';
import { canConnect } from '../can-connect.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

const TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 20_000;
/** What servers call keys that they do not take; the last one is versitygw's. */
const REFUSALS = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'XAdminUserNotFound'];
const OTHER_STORE =
  'Set SLIPWAY_S3_ENDPOINT to a server that keeps them (AWS S3, versitygw 1.8, MinIO), or unset it to have one started';

export interface StoreToLookAt {
  /** What to do when it does not answer. */
  readonly todo: string;
  /** Who makes the bucket: the next `up`, the one that runs and has made it, or nobody of ours. */
  readonly madeBy: 'next up' | 'up' | 'others';
}

/** Looks whether a store answers, has the bucket, and keeps what Slipway relies on. */
export async function lookAtStore(
  connection: Connections['store'],
  options: StoreToLookAt,
): Promise<Diagnosis> {
  const { endpoint, bucket } = connection;
  const where = endpoint ?? 'AWS S3';
  return diagnosed('s3', options.todo, async () => {
    // The client asks again for a long time; a person wants to know now.
    if (endpoint !== undefined && !(await canConnect(hostAndPort(endpoint), TIMEOUT_MS)))
      throw new Ailment('accepts no connection', options.todo, { where });
    const store = openStore(connection);
    try {
      const probe = await Promise.race([probeStore(store.objects), silence(PROBE_TIMEOUT_MS)]);
      if (!probe)
        throw new Ailment(
          `accepts connections, but does not answer within ${PROBE_TIMEOUT_MS / 1000} s`,
          options.todo,
          { where },
        );
      const lacking = [
        ...(probe.conditionalPut ? [] : ['does not refuse to overwrite (If-None-Match)']),
        ...(probe.conditionalReplace ? [] : ['does not keep conditions (If-Match)']),
        ...(probe.checksums ? [] : ['does not verify checksums']),
      ];
      if (lacking.length > 0) throw new Ailment(lacking.join(', '), OTHER_STORE, { where });
      return {
        where,
        message: `answers, bucket ${bucket}; keeps conditions, verifies checksums`,
      };
    } catch (error) {
      if (error instanceof Ailment) throw error;
      const code = codeOf(error);
      if (code === 'NoSuchBucket') return { where, message: expectNone(bucket, options.madeBy, where) };
      if (REFUSALS.includes(code))
        throw new Ailment(
          `answers, but refuses the keys (${code})`,
          'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may read and write the bucket',
          { where },
        );
      throw error;
    } finally {
      store.close();
    }
  });
}

/** What to say of a bucket that is not there. @throws {Ailment} unless one is still to be made. */
function expectNone(bucket: string, madeBy: StoreToLookAt['madeBy'], where: string): string {
  switch (madeBy) {
    case 'next up':
      return `answers; up makes the bucket ${bucket}`;
    case 'up':
      throw new Ailment(
        `answers, but the bucket ${bucket} is gone, and with it images, artifacts and records`,
        'Type: slipway down && slipway up (makes an empty one), or bring the bucket back',
        { where },
      );
    case 'others':
      throw new Ailment(
        `answers, but has no bucket ${bucket}`,
        'Make it there, or set SLIPWAY_S3_BUCKET to the one that has the images, artifacts and records',
        { where },
      );
  }
}

/** Keeps no process alive. */
async function silence(ms: number): Promise<undefined> {
  await delay(ms, undefined, { ref: false });
}

function hostAndPort(endpoint: string): string {
  const { hostname, port, protocol } = new URL(endpoint);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** The server's own name of an error, which is in the cause of ours. */
function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'NoSuchBucket' || REFUSALS.includes(cause.name)) return cause.name;
  }
  return '';
}

/** The store's clock, by what it writes on every answer. */
export async function storeTime({ endpoint }: Connections['store']): Promise<number | undefined> {
  if (endpoint === undefined) return undefined;
  const answer = await fetch(endpoint, { method: 'HEAD', signal: AbortSignal.timeout(TIMEOUT_MS) });
  const time = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(time) ? undefined : time;
}
