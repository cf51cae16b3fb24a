import type { Draft, DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { isDeclared, otherNameMistake } from './artifact-names.ts';
import { absenceWarning } from './check-absence.ts';
import { isArtifactOwner, NAMESPACE_HINT, namespaceMistake } from './check-routes.ts';
import { normalizeImage } from './normalize.ts';
import { reportUnknownTask } from './unknown-task.ts';
import { isOwnName } from '../model/engine-names.ts';
import { isReference } from '../model/image-reference.ts';
import { shorten } from '../model/shorten.ts';

/** Of an image in an engine; no registry has a name such as this. */
const ID = /^[0-9a-f]{64}$/;

/** Checks that a task has an image, and that what it names is there. */
export function checkTaskImage(task: DraftTask, draft: Draft, list: FindingList): void {
  const form = task.merged.image;
  if (form === undefined) {
    if (task.mentions('image')) return;
    list.error(['tasks', task.label], `task "${task.label}" has no image`, {
      at: 'key',
      hint: 'write "image: {in-tree: NAME}" or a name such as debian:bookworm, here or in defaults',
    });
    return;
  }
  const image = normalizeImage(form);
  switch (image.type) {
    case 'in-tree':
      return checkInTree(image.name);
    case 'docker-image':
      return checkReference(image.name);
    case 'task-image':
      checkTaskId(image.taskId);
      return checkTaskReference(image.label, image.path);
    case 'indexed-image':
      checkArtifact(image.path);
      return checkNamespace(image.namespace);
  }

  function checkArtifact(artifact: string): boolean {
    const mistake = otherNameMistake(artifact);
    if (!mistake) return true;
    list.error(task.path('image', 'path'), `the artifact "${shorten(artifact)}" ${mistake}`, {
      hint: 'write its name as the task that makes it has it, such as public/image.tar',
    });
    return false;
  }

  function checkInTree(name: string): void {
    if (draft.imageNames.has(name)) return;
    list.error(task.path('image', 'in-tree'), `unknown in-tree image "${shorten(name)}"`, {
      hint: draft.nearest.hint(name, draft.imageNames) ?? `add it under "images"`,
    });
  }

  function checkReference(name: string): void {
    const path = typeof form === 'string' ? task.path('image') : task.path('image', 'name');
    if (!isReference(name)) {
      list.error(path, `"${shorten(name)}" is no name of an image`, {
        hint: 'write NAME:TAG or NAME@sha256:DIGEST, the name in lower case',
      });
    } else if (isOwnName(name)) {
      list.error(path, `"${shorten(name)}" is a name that only Slipway gives, and nobody can ask for`, {
        hint: 'write {in-tree: NAME}, or a map with "type" task-image or indexed-image for an image of another push',
      });
    } else if (ID.test(name)) {
      list.error(path, `"${shorten(name)}" is an id that one engine has given, and no name of an image`, {
        hint: 'write NAME:TAG or NAME@sha256:DIGEST',
      });
    } else if (draft.imageNames.has(name)) {
      list.warning(path, `"${name}" is pulled from outside, though an in-tree image has this name`, {
        hint: `write "{in-tree: ${name}}" if that one is meant`,
      });
    }
  }

  function checkTaskId(taskId: string | undefined): void {
    if (taskId === undefined || isArtifactOwner(taskId)) return;
    const isLabel = draft.labels.has(taskId);
    list.error(task.path('image', 'taskId'), `"${shorten(taskId)}" is no id of a task`, {
      hint: isLabel
        ? `write "taskId: {task-reference: ${taskId}}" for a task of this push`
        : 'write task/PROJECT/LEVEL/REVISION/LABEL, or {task-reference: LABEL} for a task of this push',
    });
  }

  function checkNamespace(namespace: string): void {
    const mistake = namespaceMistake(namespace);
    if (mistake) list.error(task.path('image', 'namespace'), mistake, { hint: NAMESPACE_HINT });
  }

  function checkTaskReference(label: string | undefined, artifact: string): void {
    if (!checkArtifact(artifact) || label === undefined) return;
    const path = task.path('image', 'taskId', 'task-reference');
    const dependencies = task.merged.dependencies ?? [];
    if (!draft.labels.has(label) && !draft.isOpen) {
      reportUnknownTask(path, label, draft, list);
      return;
    }
    if (task.isWhole('dependencies') && !dependencies.includes(label)) {
      list.error(path, `task "${label}" is not among the dependencies of the task that uses its image`, {
        hint: `add "${label}" to "dependencies"`,
      });
    }
    const maker = draft.tasks.get(label);
    if (!maker) return;
    if (isDeclared(artifact, maker.artifacts) && !maker.artifacts.get(artifact)?.isDirectory) {
      const warning = absenceWarning(artifact, task, maker);
      if (warning !== undefined) list.warning(task.path('image', 'path'), warning);
      return;
    }
    list.error(
      task.path('image', 'path'),
      `task "${label}" does not declare an artifact "${shorten(artifact)}"`,
      {
        hint: draft.nearest.hint(artifact, new Set(maker.artifacts.keys())) ?? `add it to "${label}"`,
      },
    );
  }
}
