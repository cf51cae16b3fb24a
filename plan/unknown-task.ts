import { shorten } from '../model/shorten.ts';
import type { Draft } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import type { YamlPath } from './yaml-positions.ts';

/** As verbs name the build of an image. */
const BUILD = /^image:(.*)$/;

/** Reports a label of which there is no task; of the build of an image it says what to write instead. */
export function reportUnknownTask(path: YamlPath, label: string, draft: Draft, list: FindingList): void {
  const [, image] = BUILD.exec(label) ?? [];
  if (image === undefined || !draft.imageNames.has(image)) {
    list.error(path, `unknown task "${shorten(label)}"`, { hint: draft.nearest.hint(label, draft.labels) });
    return;
  }
  list.error(
    path,
    `"${label}" is the build of an image, and no task can depend on that or take from it yet`,
    {
      hint: `write "image: {in-tree: ${image}}" to run in it; a task with dind can build it from its checkout`,
    },
  );
}
