import type { Finding } from '../../model/findings.ts';
import type { PlatformBase } from '../../model/pure/base-payloads.ts';
import type { Level } from '../../model/pure/ids.ts';
import { describeImages } from '../../images/describe-images.ts';
import { parseSlipwayYml } from '../../plan/parse-slipway-yml.ts';
import { CONFIG_FILE, readConfigFile } from '../../steps/config-file.ts';
import type { Store } from '../../store/store.ts';
import { contextHashes } from './context-hashes.ts';
import type { FoundStore } from './find-store.ts';
import { openRevision } from './open-revision.ts';
import type { PlatformArgs } from './platform-of-images.ts';
import { platformOfPushes } from './platform-of-images.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

export interface RefreshWhat extends PlatformArgs {
  readonly repo: string;
  readonly image?: string | undefined;
}

interface RefreshWhere {
  readonly domain: string;
  readonly level: Level;
  readonly found: FoundStore;
}

/**
 * The bases that images of the checkout name, or one of them and its parents, each for its platform; with what is wrong with the
 * images, whose bases may be missing then. @throws {UsageError}
 */
export async function basesOfCheckout(
  { repo, image, ...args }: RefreshWhat,
  { level, found }: RefreshWhere,
  session: Session,
): Promise<{ readonly bases: readonly PlatformBase[]; readonly findings: readonly Finding[] }> {
  const { tree, revision } = await openRevision({ repo, rev: 'HEAD' }, session);
  const { config } = parseSlipwayYml(await readConfigFile(tree, session.signal), { file: CONFIG_FILE });
  if (!config) throw new UsageError(`${CONFIG_FILE} at ${revision} has mistakes: slipway plan shows them`);
  if (image !== undefined && !Object.hasOwn(config.images, image))
    throw new UsageError(`There is no image "${image}" at ${revision}`);
  const { images, findings } = await describeImages(
    tree,
    config.images,
    image === undefined ? Object.keys(config.images) : [image],
    {
      platform: await platformOfPushes(args, level, found),
      resolveBase: () => Promise.resolve(undefined),
      cache: contextHashes(session.env),
      signal: session.signal,
    },
  );
  const named = images.flatMap(({ inputs: { platform }, missingBases }) =>
    missingBases.map((reference) => [`${platform} ${reference}`, { reference, platform }] as const),
  );
  return { bases: [...new Map(named).values()], findings };
}

/** The platforms that a base is refreshed for: those that have an image on it, and that of all other images where it has a record or there is none else. */
export async function platformsOfBase(
  reference: string,
  { platform, where }: PlatformArgs & { readonly where: RefreshWhere },
): Promise<readonly string[]> {
  const { domain, level, found } = where;
  if (platform !== undefined) return [platform];
  const usual = await platformOfPushes({}, level, found);
  const used = found.store ? await platformsInUse(found.store, domain, reference) : new Set<string>();
  const isRecorded = () => Promise.resolve(true);
  const record = await found.store?.index.levelOfBase(domain, { platform: usual, reference }, 1, isRecorded);
  return record || used.size === 0 ? [...new Set([usual, ...used])] : [...used];
}

async function platformsInUse(
  { index }: Pick<Store, 'index'>,
  domain: string,
  reference: string,
): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for await (const { entry } of index.list(domain, 1))
    if (Object.hasOwn(entry.inputs.bases, reference)) used.add(entry.inputs.platform);
  return used;
}
