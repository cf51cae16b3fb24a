import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailed } from '../model/errors.ts';
import { ensurePackages, whyNotRoot } from './engine-packages.ts';
import { findProgram, widePath } from './find-program.ts';
import { reportStep } from './report-step.ts';
import { CommandFailed, runCommand } from './run-command.ts';
import type { CommandOptions } from './run-command.ts';
import type { StackOptions } from './stack-options.ts';
import { unmountBelow } from './unmount-below.ts';
import { writeImageTar } from './write-image-tar.ts';

export interface DebootstrapOptions extends StackOptions {
  readonly reference: string;
  readonly suite: string;
  readonly architecture: string;
}

const WHAT_TO_TYPE =
  'Pull the base image into the engine yourself (docker pull debian:bookworm), or install debootstrap as root';

/** What differs from run to run or belongs to this machine; an image needs none of it. */
const NOT_IN_IMAGE = [
  'etc/resolv.conf',
  'etc/hostname',
  'var/cache/ldconfig/aux-cache',
  'var/log/bootstrap.log',
  'var/log/alternatives.log',
  'var/log/apt',
  'var/log/dpkg.log',
];
const EMPTIED = ['var/cache/apt', 'var/lib/apt/lists'];

/**
 * Makes a base image from the distribution's packages, as a tar that `docker load` accepts. The same packages give the same
 * digests: files carry no time after the release's own. @throws {SetupFailed}
 */
export async function debootstrap(target: string, options: DebootstrapOptions): Promise<void> {
  const why = whyNotRoot();
  if (why)
    throw new SetupFailed(
      `Base image ${options.reference} is missing`,
      `no registry answers, and ${why}`,
      WHAT_TO_TYPE,
    );
  await ensurePackages(options, {
    part: 'base image',
    title: 'debootstrap',
    programs: { debootstrap: 'debootstrap' },
    todo: WHAT_TO_TYPE,
  });
  const program = await findProgram('debootstrap', options.env);
  if (!program)
    throw new SetupFailed(
      `Base image ${options.reference} is missing`,
      'debootstrap is not installed',
      WHAT_TO_TYPE,
    );
  await reportStep(options, 'base image', {
    doing: `no registry answers: making ${options.reference} with debootstrap, into ${target} (about a minute, once)`,
    done: () => `${options.reference} was made by debootstrap: ${target}`,
    run: async (note) => {
      const aside = workDirectory(target);
      // Left by a process that was killed, with the /proc that it had mounted there.
      await removeTree(aside);
      try {
        await mkdir(aside);
        const settings = { env: { ...options.env, PATH: widePath(options.env) }, signal: options.signal };
        const root = join(aside, 'root');
        const { suite, architecture } = options;
        await runCommand([program, '--variant=minbase', `--arch=${architecture}`, suite, root], {
          ...settings,
          note,
        });
        await packRoot(root, { target, layerPath: join(aside, 'layer.tar'), options, settings });
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        throw new SetupFailed(
          `Base image ${options.reference} could not be made`,
          error.message,
          WHAT_TO_TYPE,
          {
            cause: error,
          },
        );
      } finally {
        await removeTree(aside);
      }
    },
  });
}

async function removeTree(directory: string): Promise<void> {
  await unmountBelow([directory]);
  await rm(directory, { recursive: true, force: true });
}

/** Debootstrap takes no blanks in its path, and not everything else; a home may have them. */
function workDirectory(target: string): string {
  if (/^[\w./-]+$/.test(target)) return `${target}.debootstrap`;
  const short = createHash('sha256').update(target).digest('hex').slice(0, 12);
  return join('/var/tmp', `slipway-debootstrap-${short}`);
}

async function packRoot(
  root: string,
  {
    target,
    layerPath,
    options,
    settings,
  }: { target: string; layerPath: string; options: DebootstrapOptions; settings: CommandOptions },
): Promise<void> {
  const released = await releaseDate(root);
  for (const path of NOT_IN_IMAGE) await rm(join(root, path), { recursive: true, force: true });
  for (const path of EMPTIED) {
    for (const name of await readdir(join(root, path)))
      await rm(join(root, path, name), { recursive: true, force: true });
  }
  await writeFile(join(root, 'etc/machine-id'), '');
  const order = [
    '--sort=name',
    '--numeric-owner',
    '--clamp-mtime',
    `--mtime=@${Math.floor(released.getTime() / 1000)}`,
  ];
  await runCommand(['tar', ...order, '-C', root, '-cf', layerPath, '.'], settings);
  await writeImageTar(
    target,
    {
      layerPath,
      name: options.reference,
      architecture: options.architecture,
      created: released.toISOString(),
      comment: `debootstrap ${options.suite}`,
    },
    options.signal,
  );
}

/** When the distribution's release that the packages came from was made. */
async function releaseDate(root: string): Promise<Date> {
  const lists = join(root, 'var/lib/apt/lists');
  for (const name of (await readdir(lists)).filter((file) => /Release$/.test(file))) {
    const date = /^Date: (.+)$/m.exec(await readFile(join(lists, name), 'utf8'))?.[1];
    if (date && !Number.isNaN(Date.parse(date))) return new Date(date);
  }
  return new Date(0);
}
