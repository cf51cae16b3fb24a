import { posix } from 'node:path';
import { LIVE_LOG } from '../model/pure/artifact-names.ts';
import type { Mount } from './check-mounts.ts';
import { mountsOf } from './check-mounts.ts';
import { checkoutGit, checkoutPath, DEFAULT_CHECKOUT } from './checkout.ts';
import { OF_THE_KERNEL, SECRETS, isWithin } from './container-paths.ts';
import type { Draft, DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';
import { ownValue } from './values.ts';

type Kind = 'file' | 'directory' | 'unknown';

/** What is put at a path of the container, and where a finding about it belongs. */
interface Placed {
  readonly what: string;
  readonly path: string;
  /** Of an input: its own. Findings about others belong to the input that they are below. */
  readonly input?: string;
}

/** Linux takes no longer ones. */
const MAX_PATH_LENGTH = 4096;

/** Checks where a task's inputs and its checkout are put: not where they would be hidden, nor below a file. */
export function checkPaths(task: DraftTask, draft: Draft, list: FindingList): void {
  const inputs = Object.entries(task.merged.inputs ?? {}).filter(([path]) => isPathOfFile(path));
  const mounts = new Map(mountsOf(task).map((mount) => [posix.resolve(mount.path), mount]));
  const kinds = new Map(inputs.map(([path, from]) => [path, kindOf(from, draft)]));
  for (const [path] of inputs) {
    checkInputPlace(path);
    for (const above of [path, ...parentsOf(path)]) checkInMount(path, mounts.get(above));
  }
  const checkout = checkCheckout();
  const placed: Placed[] = [
    ...inputs.map(([path]) => ({ what: 'the input', path, input: path })),
    ...[...mounts].map(([path, { what }]) => ({ what, path })),
    ...(checkout === undefined ? [] : [{ what: 'the checkout', path: checkout }]),
  ];
  for (const one of placed) checkBelow(one);

  function checkInputPlace(path: string): void {
    const what = `the input "${shorten(path)}"`;
    const at = task.path('inputs', path);
    const hidden = OF_THE_KERNEL.find((directory) => isWithin(path, directory));
    if (hidden !== undefined) {
      list.error(at, `${what} would be hidden by ${hidden}`, { at: 'key', hint: 'choose another path' });
    } else if (path === SECRETS) {
      list.error(at, `${what} would be in place of ${SECRETS}`, { at: 'key', hint: 'choose another path' });
    } else if (isWithin(path, SECRETS)) {
      const secret = secretsOf(task).find((name) => isWithin(path, `${SECRETS}/${name}`));
      if (secret !== undefined)
        list.error(at, `${what} has the path of secret "${secret}"`, {
          at: 'key',
          hint: 'choose another path',
        });
      else
        list.warning(at, `${what} is among the secrets, where everything is emptied when the task ends`, {
          at: 'key',
          hint: 'choose another path',
        });
    }
  }

  function checkInMount(path: string, mount: Mount | undefined): void {
    if (!mount) return;
    const effect = mount.isCache ? 'and stays in it for later runs' : 'and is kept with it';
    list.warning(task.path('inputs', path), `the input "${shorten(path)}" is in ${mount.what}, ${effect}`, {
      at: 'key',
      hint: 'choose a path outside of it if that is not meant',
    });
  }

  /** Gives where it is put, undefined when nowhere. */
  function checkCheckout(): string | undefined {
    const { checkout: form } = task.merged;
    const written = checkoutPath(form);
    if (written === undefined) return undefined;
    const isMap = typeof form === 'object';
    if (isMap && form.depth !== undefined && form.git !== true)
      list.error(task.path('checkout', 'depth'), 'the checkout has a depth, and no history', {
        hint: 'write "git: true" too, or leave "depth" out',
      });
    const at = isMap && form.path !== undefined ? task.path('checkout', 'path') : task.path('checkout');
    if (written.split('/').includes('..') || written.includes('\0')) {
      list.error(at, `checkout "${shorten(written)}" has a segment ".."`, {
        hint: 'write an absolute path below "/", without ".."',
      });
      return undefined;
    }
    const path = posix.resolve(written);
    const what = `the checkout "${shorten(path)}"`;
    const hidden = OF_THE_KERNEL.find((directory) => isWithin(path, directory));
    if (hidden !== undefined)
      list.error(at, `${what} would be hidden by ${hidden}`, { hint: 'choose another path' });
    else if (isWithin(path, SECRETS))
      list.error(at, `${what} would be among the secrets`, { hint: 'choose another path' });
    else if (path === '/' && checkoutGit(form))
      list.error(at, 'git refuses a checkout at "/", which is root\'s', {
        hint: `write a directory, such as ${DEFAULT_CHECKOUT}`,
      });
    else if (path === '/')
      list.warning(at, 'the checkout at "/" lies among the files of the image', {
        hint: `write a directory, such as ${DEFAULT_CHECKOUT}`,
      });
    return path;
  }

  function checkBelow({ what, path, input }: Placed): void {
    for (const above of input === undefined ? [path, ...parentsOf(path)] : parentsOf(path)) {
      const kind = kinds.get(above) ?? 'directory';
      if (kind === 'directory') continue;
      const message = `${what} "${shorten(path)}" is below "${shorten(above)}", which ${kind === 'file' ? 'is' : 'may be'} a file`;
      list[kind === 'file' ? 'error' : 'warning'](task.path('inputs', input ?? above), message, {
        at: 'key',
        hint: 'choose paths of which none is below another',
      });
    }
  }
}

/** Directories that a path lies in, without the root. */
function parentsOf(path: string): string[] {
  if (path.length > MAX_PATH_LENGTH) return [];
  const parents: string[] = [];
  for (let at = path.indexOf('/', 1); at !== -1; at = path.indexOf('/', at + 1))
    parents.push(path.slice(0, at));
  return parents;
}

/** Whether it names a file or directory below the root, in one way only. */
export function isPathOfFile(path: string): boolean {
  return path
    .split('/')
    .slice(1)
    .every((segment) => !['', '.', '..'].includes(segment));
}

/** What an artifact is put down as, as far as the text says it. */
function kindOf(
  { task: maker, namespace, artifact }: NonNullable<DraftTask['merged']['inputs']>[string],
  draft: Draft,
): Kind {
  if (maker === undefined || namespace !== undefined) return 'unknown';
  if (artifact === LIVE_LOG) return 'file';
  // Of a type that is none, what was meant is not known.
  const type = ownValue(draft.tasks.get(maker)?.merged.artifacts, artifact)?.type;
  if (type === undefined) return 'unknown';
  return type === 'file' ? 'file' : 'directory';
}

function secretsOf({ merged: { secrets = [] } }: DraftTask): readonly string[] {
  return Array.isArray(secrets) ? secrets : Object.keys(secrets);
}
