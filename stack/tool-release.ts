import { join } from 'node:path/posix';
import { ConfigInvalid } from '../model/errors.ts';

/** One file of a release, with what is known of it beforehand. */
export interface ReleaseArchive {
  /** A tar.gz. */
  readonly file: string;
  /** Path of the program in it. */
  readonly program: string;
  readonly sha256: string;
}

/** Ready programs of one version, as their makers publish them. */
export interface ToolRelease {
  /** Path at the download server of the directory with the archives. */
  readonly directory: string;
  /** By platform and architecture in Node's words: `linux-x64`, `darwin-arm64`. */
  readonly archives: Readonly<Record<string, ReleaseArchive>>;
}

export interface ReleaseToFetch extends ReleaseArchive {
  readonly url: string;
}

const OFFICIAL = 'https://github.com';

/**
 * What to download for a platform. `SLIPWAY_DOWNLOADS` names a mirror with the same paths, or `none`.
 * Undefined when nothing is to be downloaded, or there is nothing for this platform.
 * @throws {ConfigInvalid} when it is neither.
 */
export function releaseFor(
  release: ToolRelease,
  machine: { readonly platform: string; readonly arch: string },
  env: NodeJS.ProcessEnv,
): ReleaseToFetch | undefined {
  const server = env['SLIPWAY_DOWNLOADS'] || OFFICIAL;
  const archive = release.archives[`${machine.platform}-${machine.arch}`];
  if (server === 'none' || !archive) return undefined;
  const base = URL.parse(server.endsWith('/') ? server : `${server}/`);
  if (!base || !/^https?:$/.test(base.protocol))
    throw new ConfigInvalid(
      `SLIPWAY_DOWNLOADS is "${server}", which is no address of a mirror: it is to begin with https:// or http://, or to be "none"`,
    );
  return { ...archive, url: new URL(join(release.directory, archive.file), base).href };
}
