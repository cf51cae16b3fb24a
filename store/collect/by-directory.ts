import type { ObjectInfo } from '../object-store.ts';

/** A listing in heaps: objects whose keys have the same first segments after a prefix. One heap is held at a time. */
export async function* byDirectory(
  listing: AsyncIterable<ObjectInfo>,
  { prefix, segments }: { readonly prefix: string; readonly segments: number },
): AsyncGenerator<{ readonly directory: string; readonly infos: readonly ObjectInfo[] }, void> {
  let directory = '';
  let infos: ObjectInfo[] = [];
  for await (const info of listing) {
    const next = `${prefix}${info.key.slice(prefix.length).split('/').slice(0, segments).join('/')}/`;
    if (next !== directory && infos.length > 0) {
      yield { directory, infos };
      infos = [];
    }
    directory = next;
    infos.push(info);
  }
  if (infos.length > 0) yield { directory, infos };
}

export function newestMs(infos: readonly ObjectInfo[]): number {
  return infos.reduce((newest, { lastModified }) => Math.max(newest, lastModified.getTime()), 0);
}
