import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodePath } from '../../model/path-bytes.ts';

export interface CommitOptions {
  readonly umask?: number;
  readonly mtime?: Date;
  readonly locale?: string;
  readonly author?: string;
}

/** A file's content, or a link or executable, another repository or an empty directory; undefined removes it. */
export type RepositoryFile =
  | string
  | Buffer
  | { readonly executable: string | Buffer }
  | { readonly link: string }
  | 'submodule:'
  | 'directory:'
  | undefined;

/** A directory that goes away at the end of the test: `using scratch = scratchDirectory()`. */
export function scratchDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A real git repository to write tests about. Nothing of the user's configuration reaches it. */
export class GitRepository {
  readonly directory: string;

  constructor(directory: string, options: { readonly bare?: boolean } = {}) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    this.git('init', '--quiet', '--initial-branch=main', ...(options.bare ? ['--bare'] : []));
  }

  git(...args: readonly string[]): string {
    return this.#git(args, {});
  }

  /** Writes the files and commits everything; gives the revision. */
  commit(files: Readonly<Record<string, RepositoryFile>>, options: CommitOptions = {}): string {
    const umask = process.umask(options.umask ?? 0o022);
    try {
      for (const [path, file] of Object.entries(files)) this.#write(path, file, options.mtime);
    } finally {
      process.umask(umask);
    }
    const environment = {
      ...(options.locale === undefined ? {} : { LC_ALL: options.locale }),
      ...(options.author === undefined
        ? {}
        : { GIT_AUTHOR_NAME: options.author, GIT_COMMITTER_NAME: options.author }),
    };
    this.#git(['add', '--all', '--force'], environment);
    for (const [path, file] of Object.entries(files))
      if (file === 'submodule:')
        this.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},${path}`);
    this.#git(['commit', '--quiet', '--allow-empty', '--message', 'change'], environment);
    return this.git('rev-parse', 'HEAD');
  }

  #write(path: string, file: RepositoryFile, mtime: Date | undefined): void {
    const target = Buffer.concat([Buffer.from(`${this.directory}/`), encodePath(path)]);
    mkdirSync(Buffer.from(dirname(target.toString('latin1')), 'latin1'), { recursive: true });
    if (file === 'directory:' || file === 'submodule:') {
      mkdirSync(target, { recursive: true });
      return;
    }
    rmSync(target.toString('utf8'), { force: true });
    if (file === undefined) return;
    if (typeof file === 'object' && 'link' in file) {
      symlinkSync(encodePath(file.link), target);
      return;
    }
    const executable = typeof file === 'object' && 'executable' in file;
    writeFileSync(target, executable ? file.executable : file);
    if (executable) chmodSync(target, 0o700 | (0o777 & ~process.umask()));
    if (mtime) utimesSync(target, mtime, mtime);
  }

  #git(args: readonly string[], environment: NodeJS.ProcessEnv): string {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
    return execFileSync('git', ['-C', this.directory, '-c', 'maintenance.auto=false', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'A',
        GIT_AUTHOR_EMAIL: 'a@example.org',
        GIT_COMMITTER_NAME: 'A',
        GIT_COMMITTER_EMAIL: 'a@example.org',
        ...environment,
      },
    }).trim();
  }
}
