import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach } from '@jest/globals';
import { createGitSource } from '../../source/git-source.ts';
import type { GitSource } from '../../source/git-source.ts';
import { GitRepository, scratchDirectory } from './git-repository.ts';

/** An address that is the repository's for who has its git configuration. */
export const ELSEWHERE = 'https://git.invalid/team/repository';

/** A repository, and sources of it that share a directory of mirrors, as processes of one machine do. */
export class MirroredRepository implements Disposable {
  readonly scratch = scratchDirectory();
  readonly repository = new GitRepository(`${this.scratch.path}/repository`);
  readonly url = `file://${this.repository.directory}`;

  /** As another process would have it: nothing shared but the directory. */
  anotherSource(options: { readonly configFile?: string } = {}): GitSource {
    const mirrorsDirectory = `${this.scratch.path}/mirrors`;
    return createGitSource({ mirrorsDirectory, allowFile: true, ...options });
  }

  /** What is at {@link ELSEWHERE} is the repository, or another, as its git configuration says; nothing else is shared but the mirrors. */
  sourceElsewhere(url = this.url): GitSource {
    const configFile = `${this.scratch.path}/gitconfig`;
    writeFileSync(configFile, `[url "${url}"]\n\tinsteadOf = ${ELSEWHERE}\n`);
    return this.anotherSource({ configFile });
  }

  [Symbol.dispose](): void {
    this.scratch[Symbol.dispose]();
  }
}

/** One before each test of this file, which `take` gets. */
export function onFreshMirrors(take: (fresh: MirroredRepository) => void): void {
  let fresh: MirroredRepository;
  beforeEach(() => take((fresh = new MirroredRepository())));
  afterEach(() => fresh[Symbol.dispose]());
}
