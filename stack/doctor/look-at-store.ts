import { setTimeout as delay } from 'node:timers/promises';
import type { Connections } from '../../model/schema/connections.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { openStore } from '../../store/open-store.ts';
import { probeStore } from '../../store/probe.ts';
import { canConnect } from '../can-connect.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

const TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 10_000;
/** What servers call keys that they do not take; the last one is versitygw's. */
const REFUSALS = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'XAdminUserNotFound'];
const OTHER_STORE =
  'Set SLIPWAY_S3_ENDPOINT to a server that keeps them (AWS S3, versitygw 1.8, MinIO), or unset it to have one started';

/**
 * Looks whether a store answers, has the bucket, and keeps what Slipway relies on. `todo` is for one that does not answer;
 * `mayLackBucket`: before the first `up` there is none.
 */
export async function lookAtStore(
  connection: Connections['store'],
  options: { readonly todo: string; readonly mayLackBucket: boolean; readonly version?: string | undefined },
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
        version: options.version,
        where,
        message: `answers, bucket ${bucket}; keeps conditions, verifies checksums`,
      };
    } catch (error) {
      if (error instanceof Ailment) throw error;
      const code = codeOf(error);
      if (code === 'NoSuchBucket' && options.mayLackBucket)
        return { where, message: `answers; up makes the bucket ${bucket}` };
      if (code === 'NoSuchBucket')
        throw new Ailment(
          `answers, but the bucket ${bucket} is gone, and with it images, artifacts and records`,
          'Type: slipway down && slipway up (makes an empty one), or bring the bucket back',
          { where },
        );
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
