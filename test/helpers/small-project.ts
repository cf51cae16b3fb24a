import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SLIPWAY_YML = `
version: 1
images: { tools: { context: docker/tools } }
tasks:
  see: { image: { in-tree: tools }, command: cat /made, artifacts: { public/made: { type: file, path: /made } } }
  plain: { image: 'debian:bookworm', command: id -u }
`;

/** Makes a repository of one commit, with an in-tree image on top of the base and a task in each. */
export async function commitSmallProject(path: string): Promise<void> {
  await mkdir(join(path, 'docker', 'tools'), { recursive: true });
  await writeFile(join(path, 'slipway.yml'), SLIPWAY_YML);
  await writeFile(join(path, 'docker/tools/Dockerfile'), 'FROM debian:bookworm\nRUN echo made > /made\n');
  const git = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.invalid'];
  for (const args of [
    ['init', '--quiet', '--initial-branch', 'main'],
    ['add', '--all'],
    ['commit', '--quiet', '-m', 'A'],
  ])
    await promisify(execFile)('git', [...git, ...args], { cwd: path });
}
