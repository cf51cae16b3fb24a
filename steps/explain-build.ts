import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';

/** Says in a few words why an image has to be built: what changed against the newest known image of its name. */
export async function explainBuild(
  store: Store,
  image: {
    readonly domain: string;
    readonly level: Level;
    readonly name: string;
    readonly inputs: ImageInputs;
  },
): Promise<string> {
  for await (const { entry } of store.index.list(image.domain, image.level, image.name)) {
    const changes = changedInputs(entry.inputs, image.inputs);
    const what = changes.length > 0 ? changes.join(', ') : 'the recipe';
    return `changed since ${entry.created}: ${what}`;
  }
  return 'no image of this name was built before';
}

/** Names the inputs in which two images differ. */
export function changedInputs(before: ImageInputs, after: ImageInputs): readonly string[] {
  const changes: string[] = [];
  if (before.contextHash !== after.contextHash) changes.push('its context');
  changes.push(...changedKeys(before.args, after.args).map((name) => `argument ${name}`));
  if (before.parent !== after.parent) changes.push('its parent');
  changes.push(...changedKeys(before.bases, after.bases).map((reference) => `base ${reference}`));
  if (before.platform !== after.platform) changes.push('the platform');
  return changes;
}

function changedKeys(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => before[key] !== after[key]).sort();
}
