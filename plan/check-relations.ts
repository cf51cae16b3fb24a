import { LIVE_LOG } from '../model/pure/artifact-names.ts';
import { isDeclared, otherNameMistake } from './artifact-names.ts';
import { absenceWarning } from './check-absence.ts';
import { isPathOfFile } from './check-paths.ts';
import { NAMESPACE_HINT, namespaceMistake } from './check-routes.ts';
import type { Draft, DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { reportUnknownTask } from './unknown-task.ts';
import { shorten } from '../model/shorten.ts';

type Input = NonNullable<DraftTask['merged']['inputs']>[string];

/** Checks what a task says of other tasks: its dependencies, and the artifacts that it takes from them. */
export function checkRelations(task: DraftTask, draft: Draft, list: FindingList): void {
  const dependencies = new Set<string>();
  for (const [index, label] of (task.merged.dependencies ?? []).entries()) {
    checkDependency(label, index);
    dependencies.add(label);
  }
  for (const [target, input] of Object.entries(task.merged.inputs ?? {})) {
    checkTarget(target);
    if (checkArtifact(target, input.artifact)) checkInput(target, input);
  }

  function checkDependency(label: string, index: number): void {
    const path = task.path('dependencies', index);
    if (label === task.label) {
      list.error(path, `task "${label}" depends on itself`, { hint: 'leave it out' });
    } else if (!draft.labels.has(label) && !draft.isOpen) {
      reportUnknownTask(path, label, draft, list);
    } else if (dependencies.has(label)) {
      list.warning(path, `task "${label}" is named twice`, { hint: 'once is enough' });
    }
  }

  function checkTarget(target: string): void {
    if (isPathOfFile(target)) return;
    list.error(task.path('inputs', target), `"${shorten(target)}" is no path of a file`, {
      at: 'key',
      hint: 'write an absolute path that names the file, such as /in/all.tar',
    });
  }

  function checkArtifact(target: string, artifact: string): boolean {
    const mistake = otherNameMistake(artifact);
    if (!mistake) return true;
    list.error(task.path('inputs', target, 'artifact'), `the artifact "${shorten(artifact)}" ${mistake}`, {
      hint: 'write its name as the other task has it, such as public/build.tar',
    });
    return false;
  }

  function checkInput(target: string, input: Input): void {
    const { task: maker, namespace } = input;
    if (maker !== undefined && namespace === undefined)
      return checkInputOf(target, { ...input, task: maker });
    const mistake = namespace === undefined ? undefined : namespaceMistake(namespace);
    if (maker !== undefined || namespace === undefined)
      list.error(task.path('inputs', target), 'an input is of a task of this push or of a route', {
        at: 'key',
        hint: 'write {task: LABEL, artifact: NAME} or {namespace: my.builds.latest, artifact: NAME}',
      });
    else if (mistake) list.error(task.path('inputs', target, 'namespace'), mistake, { hint: NAMESPACE_HINT });
  }

  function checkInputOf(target: string, input: Input & { readonly task: string }): void {
    const isKnown = draft.labels.has(input.task);
    if (!isKnown && !draft.isOpen) {
      reportUnknownTask(task.path('inputs', target, 'task'), input.task, draft, list);
      return;
    }
    if (task.isWhole('dependencies') && !dependencies.has(input.task)) {
      list.error(
        task.path('inputs', target, 'task'),
        `task "${input.task}" is not among the dependencies of the task that takes its artifact`,
        { hint: `add "${input.task}" to "dependencies"` },
      );
    }
    const maker = draft.tasks.get(input.task);
    if (!maker) return;
    if (isDeclared(input.artifact, maker.artifacts)) return checkAbsence(target, input, maker);
    list.error(
      task.path('inputs', target, 'artifact'),
      `task "${input.task}" does not declare an artifact "${shorten(input.artifact)}"`,
      {
        hint:
          draft.nearest.hint(input.artifact, new Set(maker.artifacts.keys())) ??
          `add it to the artifacts of "${input.task}"`,
      },
    );
  }

  /** What may be missing where everybody did as they were told ends the task, which is hardly meant. */
  function checkAbsence(target: string, { artifact, optional }: Input, maker: DraftTask): void {
    if (optional || artifact === LIVE_LOG) return;
    const warning = absenceWarning(artifact, task, maker);
    if (warning === undefined) return;
    list.warning(task.path('inputs', target, 'artifact'), warning, {
      hint: 'write "optional: true" beside it: then nothing is put where it is missing',
    });
  }
}
