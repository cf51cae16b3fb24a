import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { DownloadFailed } from './download.ts';

/** Takes one program out of a tar.gz, executable. Nothing else of the archive is written. @throws {DownloadFailed} */
export async function unpackProgram(
  archive: string,
  options: { readonly program: string; readonly target: string; readonly signal: AbortSignal },
): Promise<void> {
  let found = false;
  const unpack = extract();
  const read = pipeline(createReadStream(archive), createGunzip(), unpack, { signal: options.signal });
  const written = (async () => {
    for await (const entry of unpack) {
      if (entry.header.name !== options.program || entry.header.type !== 'file') {
        entry.resume();
        continue;
      }
      found = true;
      await pipeline(entry, createWriteStream(options.target, { mode: 0o755 }), { signal: options.signal });
    }
  })();
  await Promise.all([read, written]);
  if (!found) throw new DownloadFailed(`there is no ${options.program} in ${archive}`);
}
