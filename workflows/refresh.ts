import type { RefreshInput, RenewedBase } from '../model/pure/base-payloads.ts';
import { builderActivities, controlActivities } from './activity-proxies.ts';

/**
 * Renews the record of a base for all images of a project's trust domain that pin it. Id `refresh/<project>/<level>/<platform>/<reference>`;
 * started by a person, who gets as its result what the base was before and is now. Images are built by the pushes that need them.
 */
export async function refresh(input: RefreshInput): Promise<RenewedBase & { readonly domain: string }> {
  const { level, reference, platform } = input;
  const { domain } = await controlActivities(level).authorizeRefresh(input);
  const builder = builderActivities(level, `resolve base ${reference}`);
  const renewed = await builder.renewBase({ domain, level, platform, reference, tracked: false });
  return { ...renewed, domain };
}
