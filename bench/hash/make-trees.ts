import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface TreeShape {
  readonly name: string;
  readonly files: number;
  readonly fileBytes: number;
  /** Gives the content of one file. */
  readonly content: (bytes: number) => Buffer;
}

export interface MadeTree {
  /** With files in the working tree, all of it as loose objects. */
  readonly checkout: string;
  /** The same commit in one pack. */
  readonly packed: string;
}

/** Where the context lies: taskgraph's place for it. */
export const CONTEXT = 'taskcluster/docker/big';

/** Contents that are packed already, and text of the kind that sources are: about 2.2 times smaller in git. */
export const SHAPES: readonly TreeShape[] = [
  { name: 'incompressible', files: 10_000, fileBytes: 100_000, content: randomBytes },
  { name: 'text', files: 10_000, fileBytes: 100_000, content: proseOf },
];

const run = promisify(execFile);

/** Makes a repository whose one image has a context of this shape. Packing a GB takes some minutes. */
export async function makeTree(directory: string, shape: TreeShape): Promise<MadeTree> {
  const checkout = join(directory, 'checkout');
  const packed = join(directory, 'packed.git');
  const context = join(checkout, CONTEXT);
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\n');
  for (let at = 0; at < shape.files; at += 1) {
    const below = join(context, `d${at % 100}`);
    if (at < 100) await mkdir(below);
    await writeFile(join(below, `f${at}`), shape.content(shape.fileBytes));
  }
  await git(checkout, 'init', '--quiet');
  await git(checkout, 'add', '--all');
  await git(checkout, 'commit', '--quiet', '--message', 'all of it');
  await git(directory, 'clone', '--quiet', '--bare', '--local', '--no-hardlinks', checkout, packed);
  await git(packed, 'repack', '-q', '-a', '-d');
  return { checkout, packed };
}

/** Fifty images of twenty files, two hundred tasks, and files around them: ten thousand in all. */
export async function makeManyImages(directory: string): Promise<string> {
  const images = Array.from({ length: 50 }, (_, at) => `i${at}`);
  const tasks = Array.from({ length: 200 }, (_, at) => [`t${at}`, images[at % images.length]] as const);
  const config = [
    'version: 1',
    'images:',
    ...images.map((name) => `  ${name}: { context: docker/${name} }`),
    'tasks:',
    ...tasks.map(
      ([label, image]) => `  ${label}: { image: { in-tree: ${image} }, command: [make, ${label}] }`,
    ),
  ];
  const files = new Map([['slipway.yml', config.join('\n')]]);
  for (const name of images) {
    files.set(`docker/${name}/Dockerfile`, `FROM debian:bookworm\nRUN echo ${name}\n`);
    for (let at = 0; at < 20; at += 1) files.set(`docker/${name}/f${at}`, `${name} ${at}\n`);
  }
  while (files.size < 10_000) files.set(`src/d${files.size % 90}/f${files.size}.c`, `int x${files.size};\n`);
  for (const [path, text] of files) {
    await mkdir(join(directory, path, '..'), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await git(directory, 'init', '--quiet');
  await git(directory, 'add', '--all');
  await git(directory, 'commit', '--quiet', '--message', 'all of it');
  return directory;
}

const WORDS = Array.from({ length: 4000 }, (_, at) => {
  const digest = createHash('sha256').update(String(at)).digest();
  return digest.toString('base64').slice(0, 2 + ((digest[0] ?? 0) % 9));
});

function proseOf(bytes: number): Buffer {
  const picks = randomBytes(bytes);
  const parts: string[] = [];
  let length = 0;
  for (let at = 0; length < bytes; at += 5) {
    const often =
      (picks.readUInt16LE(at % (bytes - 4)) * picks.readUInt16LE((at + 2) % (bytes - 4))) / 2 ** 32;
    const word = `${WORDS[Math.floor(often * WORDS.length)] ?? ''}${(picks[at % bytes] ?? 0) < 30 ? '\n    ' : ' '}`;
    parts.push(word);
    length += word.length;
  }
  return Buffer.from(parts.join('').slice(0, bytes));
}

async function git(directory: string, ...args: readonly string[]): Promise<void> {
  const settings = ['gc.auto=0', 'user.name=bench', 'user.email=bench@example.org', 'pack.window=0'];
  await run('git', ['-C', directory, ...settings.flatMap((setting) => ['-c', setting]), ...args]);
}
