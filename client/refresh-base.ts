import { once } from 'node:events';
import { queueName } from '../model/pure/ids.ts';
import type { RefreshInput, RenewedBase } from '../model/pure/base-payloads.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import { isWhole } from '../steps/image-closure.ts';
import { imagesOnBase } from '../steps/images-on-base.ts';
import type { Store } from '../store/store.ts';
import type { RefreshedBase } from './api.ts';
import type { AskTemporal } from './reach-temporal.ts';

/**
 * Has a base resolved anew by a builder of the level, and waits for it until the signal ends that; one that is just being refreshed
 * is joined. Where the record of a higher level counts, nothing is done: another one below it would have no effect.
 */
export async function refreshBase(
  {
    askTemporal,
    store,
    config,
  }: {
    readonly askTemporal: AskTemporal;
    readonly store: Store;
    readonly config: Pick<ServerConfig, 'projects'>;
  },
  input: RefreshInput,
  signal: AbortSignal,
): Promise<RefreshedBase> {
  const { project, level, platform, reference } = input;
  const ownDomain = config.projects[project]?.trustDomain ?? project;
  const counting = await store.index.levelOfBase(ownDomain, input, level, (record) =>
    isWhole(store.blobs, record.manifestDigest, signal),
  );
  if (counting && counting.level > level) {
    const { manifestDigest, resolved } = counting.record;
    const what = { reference, domain: ownDomain, level, images: [] };
    return { ...what, before: manifestDigest, after: manifestDigest, resolved, countsAt: counting.level };
  }
  const workflowId = `refresh/${project}/${level}/${platform}/${reference}`;
  const handle = await askTemporal(level, (client) =>
    client.workflow.start('refresh', {
      workflowId,
      taskQueue: queueName('control', level),
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `resolve base ${reference}`,
    }),
  );
  signal.throwIfAborted();
  const leaving = once(signal, 'abort').then(() => Promise.reject(signal.reason as Error));
  const renewed = (await Promise.race([handle.result(), leaving])) as RenewedBase & {
    readonly domain: string;
  };
  const { domain, stored, before, resolved, unavailable } = renewed;
  const digest = stored?.manifestDigest;
  const images =
    digest === undefined ? [] : await imagesOnBase(store, { domain, level: 1, platform, reference, digest });
  return {
    reference,
    domain,
    level,
    images,
    ...(before === undefined ? {} : { before }),
    ...(digest === undefined ? {} : { after: digest }),
    ...(resolved === undefined ? {} : { resolved }),
    ...(unavailable === undefined ? {} : { unavailable }),
  };
}
