import { posix } from 'node:path';
import type { UsedMount } from '../model/cache-mount.ts';
import { NAMESPACE_ARGUMENT } from '../model/cache-mount.ts';
import type { BasesOptions } from './dockerfile.ts';
import type { Flag } from './instruction-words.ts';
import { readGrounded } from './stage-grounds.ts';

export interface DockerfileMounts {
  /** Each once: the first use of one counts for how it is shared. */
  readonly mounts: readonly UsedMount[];
  /** Those whose contents only the builder itself has, and why. */
  readonly unknown: readonly { readonly id: string; readonly why: string }[];
}

const SHARING = ['shared', 'private', 'locked'] as const;
/** What stands in a flag as it is, whoever reads it. */
const PLAIN = /^[^\s"'`\\$,]+$/;

/** Finds the cache mounts of a Dockerfile: what a build finds in them is no part of its inputs. */
export function findCacheMounts(dockerfile: string, options: BasesOptions): DockerfileMounts {
  const mounts = new Map<string, UsedMount>();
  const unknown = new Map<string, string>();
  for (const { keyword, flags, ground } of readGrounded(dockerfile, options)) {
    if (keyword !== 'RUN') continue;
    for (const fields of mountsOf(flags)) {
      const id = fields.get('id') ?? cleaned(fields.get('target') ?? '');
      const why = whyUnknown(fields);
      if (why !== undefined || ground === undefined) {
        unknown.set(id, why ?? 'no image with a shell is under its stage');
        continue;
      }
      const mount = mountOf(fields, { id, ground, namespace: options.args[NAMESPACE_ARGUMENT] });
      const key = JSON.stringify([id, mount.uid, mount.gid, mount.mode]);
      if (!mounts.has(key)) mounts.set(key, mount);
    }
  }
  return { mounts: [...mounts.values()], unknown: [...unknown].map(([id, why]) => ({ id, why })) };
}

/** The fields of each cache mount; other names of a field under its usual one. */
function mountsOf(flags: readonly Flag[]): ReadonlyMap<string, string>[] {
  return flags
    .filter(({ name }) => name === 'mount')
    .map(({ value = '' }) => {
      const fields = value.split(',').map((field) => {
        const [key = '', ...value] = field.split('=');
        return [usualName(key.toLowerCase()), value.join('=')] as const;
      });
      return new Map(fields);
    })
    .filter((fields) => fields.get('type')?.toLowerCase() === 'cache');
}

function usualName(key: string): string {
  if (key === 'dst' || key === 'destination') return 'target';
  return key === 'src' ? 'source' : key;
}

/** As BuildKit makes an id of a target. */
function cleaned(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

function whyUnknown(fields: ReadonlyMap<string, string>): string | undefined {
  if (fields.has('from') || fields.has('source')) return 'it begins with files of an image';
  const values = ['id', 'target', 'uid', 'gid', 'mode', 'sharing'].flatMap((key) => fields.get(key) ?? []);
  if (!values.every((value) => PLAIN.test(value)))
    return 'what it is known by has a variable, quotes or blanks';
  return undefined;
}

function mountOf(
  fields: ReadonlyMap<string, string>,
  { id, ground, namespace }: Pick<UsedMount, 'id' | 'ground' | 'namespace'>,
): UsedMount {
  const sharing = SHARING.find((mode) => mode === fields.get('sharing')?.toLowerCase());
  const owner = ['uid', 'gid', 'mode'].flatMap((key) => {
    const value = fields.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    id,
    ground,
    ...(namespace ? { namespace } : {}),
    ...(sharing ? { sharing } : {}),
    ...Object.fromEntries(owner),
  };
}
