import { posix } from 'node:path';
import type { Finding } from '../model/findings.ts';
import type { SourceTree } from '../model/source-tree.ts';

/** Links that are named; one more is kept to tell that there are more. */
const LINKS_NAMED = 10;
export const LEFT_OUT_KEPT = LINKS_NAMED + 1;

const IGNORE_FILES = ['.dockerignore', 'Dockerfile.dockerignore'];

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
  const hint = 'commit the directory itself there, or make the link in the image by "RUN ln -s"';
  for (const [at, path] of leftOut.entries()) {
    const isLast = at === LINKS_NAMED;
    const more = 'and further symbolic links to directories are left out of the build context';
    const one = `"${path}" is a symbolic link to a directory, which a build context leaves out`;
    findings.push(warn(path, isLast ? more : one, hint));
    if (isLast) break;
  }
  return findings;
}
