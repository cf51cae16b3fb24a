import { readFile } from 'node:fs/promises';
import { runCommand } from './run-command.ts';

/** Unmounts everything that is mounted at or below these directories, deepest first. Safe to repeat. */
export async function unmountBelow(directories: readonly string[]): Promise<void> {
  for (const target of await mountsBelow(directories)) {
    await runCommand(['umount', '--lazy', target]).catch(() => undefined);
  }
}

/** What is mounted at or below these directories, deepest first. */
export async function mountsBelow(directories: readonly string[]): Promise<readonly string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  return parseMountTargets(mounts)
    .filter((target) =>
      directories.some((directory) => target === directory || target.startsWith(`${directory}/`)),
    )
    .sort((a, b) => b.length - a.length);
}

/** The mount points in the text of `/proc/mounts`, where blanks, tabs, line ends and backslashes stand as octal escapes. */
export function parseMountTargets(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const target = line.split(' ')[1];
    return target === undefined ? [] : [unescapeOctal(target)];
  });
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
