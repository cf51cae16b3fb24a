import { describeImages } from '../images/describe-images.ts';
import type { Finding } from '../model/findings.ts';
import type { PlannedImage } from '../model/schema/plan.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { parseSlipwayYml } from '../plan/parse-slipway-yml.ts';
import type { Store } from '../store/store.ts';
import { CONFIG_FILE, readConfigFile } from './config-file.ts';
import { planImages } from './plan-images.ts';
import type { MakePlanInput } from './make-plan.ts';
import { PlanBases } from './plan-bases.ts';

export type ExplainImageInput = Pick<
  MakePlanInput,
  'domain' | 'level' | 'platform' | 'plannedAt' | 'contextHashes' | 'signal'
>;

/** Says of one in-tree image of a revision whether it is known and why it would be built; wanted by a task or not. */
export async function explainImage(
  tree: SourceTree,
  store: Store,
  name: string,
  input: ExplainImageInput,
): Promise<{ readonly image?: PlannedImage; readonly findings: readonly Finding[] }> {
  const { config, findings, position } = parseSlipwayYml(await readConfigFile(tree, input.signal), {
    file: CONFIG_FILE,
  });
  if (!config) return { findings };
  const known = Object.keys(config.images);
  if (!known.includes(name)) {
    const hint = known.length > 0 ? `images are: ${known.join(', ')}` : 'no image is defined';
    const place = { file: CONFIG_FILE, ...position(['images']) };
    return { findings: [{ severity: 'error', ...place, message: `there is no image "${name}"`, hint }] };
  }
  const bases = new PlanBases(store, input);
  const described = await describeImages(tree, config.images, [name], {
    platform: input.platform,
    resolveBase: (platform, reference, policy) => bases.resolve(platform, reference, policy),
    cache: input.contextHashes,
    signal: input.signal,
  });
  if (described.findings.some(({ severity }) => severity === 'error'))
    return { findings: described.findings };
  const images = await planImages(described.images, {
    ...input,
    store,
    tree,
    bases,
    described: new Map(described.images.map((image) => [image.name, image])),
    rebuild: [],
  });
  const image = images.find((other) => other.name === name);
  return { ...(image ? { image } : {}), findings: [] };
}
