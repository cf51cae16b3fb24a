import { createHash, randomBytes } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { RepositoryUnavailable } from '../model/errors.ts';
import { gitEnvironment, runGit } from './git-command.ts';
import { gitIndex } from './git-index.ts';
import { lacksPromised, refusalOfPartialClone } from './partial-clone.ts';
import type { FurtherEntry } from './tree-archive.ts';

/** Tasks of a few pushes side by side find theirs. */
const KEPT = 4;
/** What somebody is just making, or has left half made. */
const ABANDONED_MS = 60 * 60 * 1000;
const ATTEMPTS = 5;
const CHUNK_BYTES = 256 * 1024;
const PACK_FILE = /^pack-[0-9a-f]+\.(pack|idx|rev)$/;
/** What there is of these beside the packs. */
const FURTHER_FILES = ['shallow', 'packed-refs'];
/** The files of the commit, as git lists them: every `.git` has an index of its own, by the time of its checkout. */
const LISTING = 'listing';
/** Tags are taken along with what a ref is fetched to; that one is no part of what is made. */
const FETCHED = 'refs/heads/commit';

export interface GitDirectoryOptions {
  /** A repository on this machine that has the commit. */
  readonly directory: string;
  /** As errors, and `origin`, should name it. */
  readonly repository: string;
  readonly commit: string;
  readonly depth: number;
  /** The time of the files that it is put beside, and its own. */
  readonly dated: Date;
  readonly keptIn?: string;
}

/** Of this process: who wants what somebody is just making waits for it. */
const making = new Map<string, Promise<void>>();

/**
 * The `.git` of a checkout of a commit: HEAD is the commit, no branch; commits that are `depth` away are the first of their
 * history; of the tags those that lead to one of its commits. Its index fits files that are `dated` so. `origin` is the
 * repository if that is not a path of this machine.
 * @throws {RepositoryUnavailable}
 */
export async function* gitDirectory(
  options: GitDirectoryOptions,
  signal?: AbortSignal,
): AsyncGenerator<FurtherEntry, void> {
  const { keptIn, commit, depth, dated } = options;
  const scratch = keptIn === undefined ? await mkdtemp(join(tmpdir(), 'slipway-git-')) : undefined;
  const handles: FileHandle[] = [];
  try {
    const made = scratch ?? join(keptIn ?? '', `${commit}-${depth}-${await hashOfTags(options)}`);
    const { listing, files } = await openMade(made, options, handles);
    signal?.throwIfAborted();
    const directories = [
      '',
      '/objects',
      '/objects/info',
      '/objects/pack',
      '/refs',
      '/refs/heads',
      '/refs/tags',
    ];
    for (const path of directories) yield { path: `.git${path}` };
    // The index is not later than the files: then git looks into each, since one may be changed in the very moment that it is dated.
    const written = { HEAD: `${commit}\n`, config: configOf(options), index: gitIndex(listing, dated) };
    for (const [name, content] of Object.entries(written)) {
      const bytes = Buffer.from(content);
      yield { path: `.git/${name}`, content: { sizeBytes: bytes.length, body: Readable.from([bytes]) } };
    }
    for (const [name, handle] of files) {
      const { size: sizeBytes } = await handle.stat();
      yield { path: `.git/${name}`, content: { sizeBytes, body: contentOf(handle) } };
    }
  } finally {
    for (const handle of handles) await handle.close();
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

/** Opens all files at once: what somebody takes away afterwards is read all the same. */
async function openMade(
  made: string,
  options: GitDirectoryOptions,
  handles: FileHandle[],
): Promise<{ readonly listing: Buffer; readonly files: readonly (readonly [string, FileHandle])[] }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const packs = (await readdir(join(made, 'objects', 'pack'))).filter((name) => PACK_FILE.test(name));
      const others = (await readdir(made)).filter((name) => FURTHER_FILES.includes(name));
      const names = [...others, ...packs.map((name) => `objects/pack/${name}`)];
      const listing = await readFile(join(made, LISTING));
      const files: [string, FileHandle][] = [];
      for (const name of names) {
        const handle = await open(join(made, name));
        handles.push(handle);
        files.push([name, handle]);
      }
      await utimes(made, new Date(), new Date()).catch(() => undefined);
      return { listing, files };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error;
    }
    const work = making.get(made) ?? make(made, options).finally(() => making.delete(made));
    making.set(made, work);
    await work;
  }
}

/** Makes one aside and renames it, so that nobody sees half of one. */
async function make(made: string, options: GitDirectoryOptions): Promise<void> {
  const { keptIn, commit } = options;
  const fresh = keptIn === undefined ? made : `${made}.${randomBytes(6).toString('hex')}`;
  await mkdir(fresh, { recursive: true });
  try {
    await fetchCommit(fresh, options);
    const listing = await ask(
      options.directory,
      ['ls-tree', '-r', '-l', '-z', '--full-tree', commit],
      options,
    );
    await writeFile(join(fresh, LISTING), listing);
    if (keptIn === undefined) return;
    await rename(fresh, made).catch((error: unknown) => {
      // Another process was faster.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    });
    await keepNewest(keptIn);
  } finally {
    if (fresh !== made) await rm(fresh, { recursive: true, force: true });
  }
}

/** What was made with other tags, or has other parts, is not what is wanted now. */
async function hashOfTags(options: GitDirectoryOptions): Promise<string> {
  const list = ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/tags'];
  return createHash('sha256')
    .update(LISTING)
    .update(await ask(options.directory, list, options))
    .digest('hex')
    .slice(0, 12);
}

/** By git itself, which takes over what is packed as it is, and follows tags. */
async function fetchCommit(fresh: string, options: GitDirectoryOptions): Promise<void> {
  const { directory, commit, depth } = options;
  const format = commit.length === 64 ? 'sha256' : 'sha1';
  const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`];
  await ask(fresh, init, options);
  const found = (await ask(directory, ['rev-parse', '--git-common-dir'], options)).toString('utf8').trim();
  // The other end is a git of its own that obeys only a configuration file.
  const configFile = join(fresh, 'config-of-fetch');
  await writeFile(configFile, '[safe]\n\tdirectory = *\n');
  const fetch = ['fetch', '--quiet', '--no-write-fetch-head', `--depth=${depth}`];
  const environment = gitEnvironment(['file'], configFile);
  await ask(fresh, [...fetch, resolve(directory, found), `+${commit}:${FETCHED}`], options, environment);
  await ask(fresh, ['update-ref', '-d', FETCHED], options);
  await ask(fresh, ['pack-refs', '--all'], options);
}

async function ask(
  directory: string,
  args: readonly string[],
  { directory: from, repository, commit }: GitDirectoryOptions,
  environment?: NodeJS.ProcessEnv,
): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await runGit(directory, args, { ...(environment && { environment }) });
  if (exitCode === 0) return stdout;
  const refusal = lacksPromised(stderr) ? await refusalOfPartialClone(from, repository) : undefined;
  if (refusal) throw refusal;
  throw new RepositoryUnavailable(repository, `no .git could be made of ${commit}: ${stderr}`);
}

async function keepNewest(keptIn: string): Promise<void> {
  const all: { path: string; usedMs: number }[] = [];
  for (const name of await readdir(keptIn)) {
    const path = join(keptIn, name);
    const found = await stat(path).catch(() => undefined);
    if (found) all.push({ path, usedMs: found.mtimeMs });
  }
  const isWhole = ({ path }: { path: string }): boolean => !basename(path).includes('.');
  const superfluous = [
    ...all
      .filter(isWhole)
      .sort((a, b) => b.usedMs - a.usedMs)
      .slice(KEPT),
    ...all.filter((one) => !isWhole(one) && Date.now() - one.usedMs > ABANDONED_MS),
  ];
  for (const { path } of superfluous) {
    // Nobody finds half of one, should this process end meanwhile.
    const aside = `${path}.${randomBytes(6).toString('hex')}`;
    const isMine = await rename(path, aside).then(
      () => true,
      () => false,
    );
    if (isMine) await rm(aside, { recursive: true, force: true });
  }
}

function configOf({ repository, commit }: GitDirectoryOptions): string {
  const isSha256 = commit.length === 64;
  const isElsewhere = !isAbsolute(repository) && !repository.startsWith('file:');
  return [
    '[core]',
    `\trepositoryformatversion = ${isSha256 ? 1 : 0}`,
    '\tfilemode = true',
    '\tbare = false',
    '\tlogallrefupdates = true',
    // What the index says of the files are their sizes and times: it was made elsewhere.
    '\tcheckStat = minimal',
    '\ttrustctime = false',
    ...(isSha256 ? ['[extensions]', '\tobjectformat = sha256'] : []),
    ...(isElsewhere
      ? [
          '[remote "origin"]',
          `\turl = ${JSON.stringify(repository)}`,
          '\tfetch = +refs/heads/*:refs/remotes/origin/*',
        ]
      : []),
    '',
  ].join('\n');
}

/** No stream, which would keep its file open where nobody reads it. */
async function* contentOf(handle: FileHandle): AsyncGenerator<Buffer, void> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
