import { posix } from 'node:path';
import type { Finding } from '../model/findings.ts';
import type { SourceTree } from '../model/source-tree.ts';
import { SUBMODULE_HINT } from './check-sources.ts';

/** Of what is left out so many are named; one more is kept to tell that there are more. */
const NAMED = 10;
export const LEFT_OUT_KEPT = NAMED + 1;

const IGNORE_FILES = ['.dockerignore', 'Dockerfile.dockerignore'];

const LINK = {
  one: 'a symbolic link to a directory',
  more: 'and further symbolic links to directories are left out of the build context',
  hint: 'commit the directory itself there, or make the link in the image by "RUN ln -s"',
};
const SUBMODULE = {
  one: 'a submodule',
  more: 'and further submodules are left out of the build context',
  hint: SUBMODULE_HINT,
};

/** Says of a context what does not reach the build though one may think so, and the other way round. No hash depends on this. */
export async function remarkOnContext(
  tree: SourceTree,
  { directory, leftOut }: { readonly directory: string; readonly leftOut: readonly string[] },
  signal?: AbortSignal,
): Promise<Finding[]> {
  const warn = (file: string, message: string, hint: string): Finding => ({
    ...{ severity: 'warning', file, line: 1, column: 1, message, hint },
  });
  const findings: Finding[] = [];
  for (const name of IGNORE_FILES) {
    const path = posix.join(directory, name);
    if (!(await tree.locate(path, signal))) continue;
    findings.push(
      warn(
        path,
        `"${name}" counts for nothing: all files of the context are hashed and sent`,
        'keep what the image does not need in another directory',
      ),
    );
  }
  for (const [at, path] of leftOut.entries()) {
    const isLast = at === NAMED;
    const isSubmodule = (await tree.locate(path, signal))?.kind === 'submodule';
    const { one, more, hint } = isSubmodule ? SUBMODULE : LINK;
    findings.push(warn(path, isLast ? more : `"${path}" is ${one}, which a build context leaves out`, hint));
    if (isLast) break;
  }
  return findings;
}
