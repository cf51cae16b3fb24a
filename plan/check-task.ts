import { LONGEST_TASK_SECONDS } from '../model/pure/duration.ts';
import { LABEL_MAX_LENGTH, LABEL_PATTERN } from '../model/pure/ids.ts';
import { artifactNameClashes, artifactNameMistake } from './artifact-names.ts';
import { checkCommand } from './check-command.ts';
import { checkDuration, durationSeconds } from './check-duration.ts';
import { checkMounts } from './check-mounts.ts';
import { checkPaths } from './check-paths.ts';
import { checkRelations } from './check-relations.ts';
import { checkRoutes } from './check-routes.ts';
import { checkTaskImage } from './check-task-image.ts';
import { checkVariables } from './check-variables.ts';
import { checkWhen } from './check-when.ts';
import type { Draft, DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { DEFAULT_DEADLINE_SECONDS } from './normalize.ts';
import { parseSizeBytes } from './sizes.ts';
import { shorten } from '../model/shorten.ts';

/** An engine refuses less. */
const MIN_MEMORY_BYTES = 6 * 2 ** 20;

/** Checks one task, with `defaults` under it. What stands in `defaults` is reported there. */
export function checkTask(task: DraftTask, draft: Draft, list: FindingList): void {
  checkTaskImage(task, draft, list);
  checkCommand(task, list);
  checkVariables(task, list);
  checkDurations(task, list);
  checkSizes(task, list);
  checkArtifacts(task, list);
  checkMounts(task, list);
  checkWhen(task, list);
  checkRelations(task, draft, list);
  checkPaths(task, draft, list);
  checkExitStatus(task, list);
  checkRoutes(task, list);
  checkFeatures(task, list);
}

/** Else what is meant to be asked for would be left out in silence. */
function checkFeatures(task: DraftTask, list: FindingList): void {
  checkInteractive(task, list);
  checkNetworkOfEngine(task, list);
  for (const name of ['allowPtrace', 'dind']) {
    const value = task.merged.features?.[name];
    if (value === undefined || typeof value === 'boolean') continue;
    list.error(task.path('features', name), `feature "${name}" is neither true nor false`);
  }
}

function checkInteractive(task: DraftTask, list: FindingList): void {
  const { interactive, dind } = task.merged.features ?? {};
  if (interactive === undefined || typeof interactive === 'boolean') return;
  const path = task.path('features', 'interactive');
  if (interactive !== 'onFailure') {
    list.error(path, 'feature "interactive" is neither true, false nor "onFailure"', {
      hint: 'every task that runs can be joined by slipway shell; write "onFailure" to join it once it has failed',
    });
  } else if (dind === true) {
    list.error(path, 'a task with a private engine is not kept once it has failed', {
      hint: 'its engine is thrown away with the run; leave "interactive" out, and join it while it runs',
    });
  }
}

/** A private engine has a network of its own, with a way out: what the task may not reach its containers would. */
function checkNetworkOfEngine(task: DraftTask, list: FindingList): void {
  const { network, features } = task.merged;
  if (network !== 'none' || features?.dind !== true) return;
  list.error(task.path('network'), 'a task with a private engine has a network', {
    hint: 'write "network: own" for this task, or leave "dind" out',
  });
}

/** Checks what a task is called. */
export function checkLabel(label: string, list: FindingList): void {
  if (LABEL_PATTERN.test(label) && label.length <= LABEL_MAX_LENGTH) return;
  const isLong = label.length > LABEL_MAX_LENGTH;
  list.error(['tasks', label], `"${shorten(label)}" is no label for a task`, {
    at: 'key',
    hint: isLong
      ? `a label has at most ${LABEL_MAX_LENGTH} characters`
      : 'a label has letters, digits, ".", "_", "+" and "-", each part between "/" beginning with a letter or digit',
  });
}

function checkDurations(task: DraftTask, list: FindingList): void {
  const { maxRunTime, deadline, artifacts } = task.merged;
  checkDuration(maxRunTime, task.path('maxRunTime'), list, LONGEST_TASK_SECONDS);
  checkDuration(deadline, task.path('deadline'), list, LONGEST_TASK_SECONDS);
  for (const [name, { expires }] of Object.entries(artifacts ?? {})) {
    checkDuration(expires, task.path('artifacts', name, 'expires'), list);
  }
  checkDeadline(task, list);
}

function checkDeadline(task: DraftTask, list: FindingList): void {
  const { maxRunTime, deadline } = task.merged;
  const runs = maxRunTime === undefined ? undefined : durationSeconds(maxRunTime);
  const ends = deadline === undefined ? DEFAULT_DEADLINE_SECONDS : durationSeconds(deadline);
  if (runs === undefined || runs > LONGEST_TASK_SECONDS || ends === undefined || runs <= ends) return;
  if (deadline === undefined) {
    list.warning(task.path('maxRunTime'), 'maxRunTime is longer than the deadline, which is one day', {
      hint: 'write "deadline" too: it counts from the push on',
    });
  } else {
    list.warning(task.path('deadline'), 'the deadline is before maxRunTime is over', {
      hint: 'it counts from the push on: make it longer than maxRunTime',
    });
  }
}

function checkExitStatus(task: DraftTask, list: FindingList): void {
  for (const field of ['retry', 'purgeCaches'] as const) {
    for (const [index, code] of (task.merged.onExitStatus?.[field] ?? []).entries()) {
      const path = task.path('onExitStatus', field, index);
      if (code < 0 || code > 255)
        list.warning(path, `no command ends with exit code ${code}`, { hint: 'they are 0 to 255' });
      else if (code === 0 && field === 'retry')
        list.warning(path, 'exit code 0 is success, after which a task is not run again', {
          hint: 'leave it out',
        });
    }
  }
}

function checkSizes(task: DraftTask, list: FindingList): void {
  for (const field of ['memory', 'disk', 'shm'] as const) {
    const text = task.merged.resources?.[field];
    if (text === undefined) continue;
    const bytes = parseSizeBytes(text);
    if (bytes === undefined || bytes === 0) {
      list.error(task.path('resources', field), `"${shorten(text)}" is no size`, {
        hint: 'write a number with a unit, such as "512m" or "2g", or bytes as a text',
      });
    } else if (field === 'memory' && bytes < MIN_MEMORY_BYTES) {
      list.error(task.path('resources', field), `"${text}" is less memory than a container can have`, {
        hint: 'at least 6m',
      });
    }
  }
}

function checkArtifacts(task: DraftTask, list: FindingList): void {
  for (const [name, { path }] of Object.entries(task.merged.artifacts ?? {})) {
    if (!path.includes('*')) continue;
    list.warning(
      task.path('artifacts', name, 'path'),
      `the path "${shorten(path)}" is no glob: "*" stands for itself`,
      { hint: 'name one file, or make it a directory, which holds many' },
    );
  }
  const names = [...task.artifacts.keys()];
  for (const name of names) {
    const mistake = artifactNameMistake(name);
    if (!mistake) continue;
    list.error(task.path('artifacts', name), `artifact name "${shorten(name)}" ${mistake}`, {
      at: 'key',
      hint: 'a name is a relative path, such as public/build.tar',
    });
  }
  for (const { directory, inside } of artifactNameClashes(names)) {
    const at = task.artifacts.has(inside) ? inside : directory;
    list.error(
      task.path('artifacts', at),
      `artifact names "${shorten(directory)}" and "${shorten(inside)}" clash: one would be the directory of the other`,
      { at: 'key', hint: `rename "${shorten(at)}"` },
    );
  }
}
