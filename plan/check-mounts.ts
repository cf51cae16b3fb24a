import { posix } from 'node:path';
import { checkoutPath } from './checkout.ts';
import { OF_THE_KERNEL, SECRETS, isWithin } from './container-paths.ts';
import type { DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';
import type { YamlPath } from './yaml-positions.ts';

const CACHE_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const CACHE_NAME_MAX_LENGTH = 128;

/** Each is compared with all before it, and nobody means more. */
const MAX_MOUNTS = 100;

/** What a mount would hide. */
const RESERVED = [...OF_THE_KERNEL, SECRETS];

export interface Mount {
  readonly what: string;
  readonly path: string;
  readonly at: YamlPath;
  readonly isCache: boolean;
}

/** Checks what is mounted into a task's container: caches and volumes, their names and that none hides another. */
export function checkMounts(task: DraftTask, list: FindingList): void {
  const all = mountsOf(task);
  const mounts = all.slice(0, MAX_MOUNTS);
  const directories = mounts.map(({ path }) => `${posix.resolve(path)}/`.replace('//', '/'));
  for (const name of Object.keys(task.merged.cache ?? {})) checkName(name);
  for (const [index, mount] of mounts.entries()) {
    if (checkPath(mount)) checkOthers(mount, findClash(index));
  }
  const further = all[MAX_MOUNTS];
  if (further)
    list.error(further.at, 'there are too many caches and volumes', {
      hint: `a task has at most ${MAX_MOUNTS} of them`,
    });

  /** The first of those before a mount that shares its path, lies in it or has it in itself. */
  function findClash(index: number): Mount | undefined {
    const own = directories[index] ?? '';
    const first = directories.findIndex((other) => own.startsWith(other) || other.startsWith(own));
    return first < index ? mounts[first] : undefined;
  }

  function checkName(name: string): void {
    if (isCacheName(name)) return;
    list.error(task.path('cache', name), `"${shorten(name)}" is no name for a cache`, {
      at: 'key',
      hint: `a name has letters, digits, ".", "_" and "-", begins with a letter or digit, and is at most ${CACHE_NAME_MAX_LENGTH} long`,
    });
  }

  function checkPath({ what, path, at }: Mount): boolean {
    if (path.split('/').includes('..') || path.includes('\0') || posix.resolve(path) === '/') {
      list.error(at, `"${shorten(path)}" is no directory for ${what}`, {
        hint: 'write an absolute path below "/", without ".."',
      });
      return false;
    }
    const reserved = RESERVED.find((directory) => isWithin(path, directory) || isWithin(directory, path));
    if (reserved !== undefined) {
      list.error(at, `${what} at "${shorten(path)}" would hide ${reserved}`, { hint: 'choose another path' });
      return false;
    }
    return true;
  }

  function checkOthers({ what, path, at }: Mount, clash: Mount | undefined): void {
    if (clash) {
      const how = posix.resolve(clash.path) === posix.resolve(path) ? 'share a path' : 'lie in one another';
      list.error(at, `${clash.what} and ${what} ${how}: "${shorten(path)}"`, {
        hint: 'give each a path of its own',
      });
    }
    const checkout = checkoutPath(task.merged.checkout);
    if (checkout !== undefined && isWithin(checkout, path)) {
      list.error(at, `${what} at "${shorten(path)}" would have the checkout in it`, {
        hint: 'choose a path beside or below the checkout, or write "checkout: false"',
      });
    }
  }
}

/** Whether a cache can be called so. */
export function isCacheName(name: string): boolean {
  return CACHE_NAME_PATTERN.test(name) && name.length <= CACHE_NAME_MAX_LENGTH;
}

/** Where caches and volumes are mounted. */
export function mountsOf({ merged, path }: DraftTask): readonly Mount[] {
  const caches = Object.entries(merged.cache ?? {}).map(([name, form]): Mount => {
    const what = `cache "${shorten(name)}"`;
    return typeof form === 'string'
      ? { what, path: form, at: path('cache', name), isCache: true }
      : { what, path: form.path, at: path('cache', name, 'path'), isCache: true };
  });
  const volumes = Object.entries(merged.artifacts ?? {})
    .filter(([, { type }]) => type === 'volume')
    .map(([name, artifact]): Mount => {
      const at = path('artifacts', name, 'path');
      return { what: `volume "${shorten(name)}"`, path: artifact.path, at, isCache: false };
    });
  return [...caches, ...volumes];
}
