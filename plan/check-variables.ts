import { WORKER_VARIABLES } from '../model/pure/worker-variables.ts';
import { MAX_ARGUMENT_BYTES, tooManyBytes } from './argument-size.ts';
import type { DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';
import type { YamlPath } from './yaml-positions.ts';

/** Checks the variables that a task sets, itself and by its secrets: their names, their size, and that none takes the place of another. */
export function checkVariables(task: DraftTask, list: FindingList): void {
  const env = task.merged.env ?? {};
  for (const [name, value] of Object.entries(env)) {
    checkName(name);
    checkSize(name, value);
    checkWorkers(name, task.path('env', name), 'key');
  }
  const bySecret = new Map<string, string>();
  for (const [secret, variable] of variablesOfSecrets(task)) {
    const at = task.path('secrets', secret, 'env');
    checkWorkers(variable, at, 'value');
    const other = bySecret.get(variable);
    if (other !== undefined) {
      list.error(at, `secrets "${other}" and "${secret}" are put into one variable, "${variable}"`, {
        hint: 'give each a variable of its own',
      });
    } else if (Object.hasOwn(env, variable)) {
      // A task may well mean to replace what a default says.
      const isOfOne = at[0] === task.path('env', variable)[0];
      list[isOfOne ? 'error' : 'warning'](at, `the variable "${variable}" is in "env" too`, {
        hint: `secret "${secret}" would take its place: leave one of them out`,
      });
    }
    bySecret.set(variable, secret);
  }

  function checkName(name: string): void {
    if (name !== '' && !name.includes('=') && !name.includes('\0')) return;
    list.error(task.path('env', name), `"${shorten(name)}" is no name for a variable`, {
      at: 'key',
      hint: 'a name is not empty and has no "="',
    });
  }

  function checkSize(name: string, value: string): void {
    const bytes = tooManyBytes(`${name}=${value}`);
    if (bytes === undefined) return;
    list.error(task.path('env', name), `the variable "${shorten(name)}" has ${bytes} bytes with its name`, {
      hint: `no program is started with more than ${MAX_ARGUMENT_BYTES}: put it into a file of the tree`,
    });
  }

  function checkWorkers(name: string, path: YamlPath, at: 'key' | 'value'): void {
    if (!(WORKER_VARIABLES as readonly string[]).includes(name)) return;
    list.warning(path, `"${name}" is set by the worker, whatever stands here`, {
      at,
      hint: 'choose another name',
    });
  }
}

function variablesOfSecrets({ merged: { secrets = [] } }: DraftTask): readonly (readonly [string, string])[] {
  if (Array.isArray(secrets)) return [];
  return Object.entries(secrets).flatMap(([name, { env }]) =>
    env === undefined ? [] : [[name, env === true ? name : env] as const],
  );
}
