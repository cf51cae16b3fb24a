import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { UsedMount } from '../../model/cache-mount.ts';
import { NAMESPACE_ARGUMENT } from '../../model/cache-mount.ts';
import type { EngineImages, StepOptions } from '../engine.ts';

/** What reaches the contents of cache mounts: nothing but a `RUN` of a build with the same mounts. */
export interface MountSteps extends StepOptions {
  readonly images: Pick<EngineImages, 'build' | 'remove' | 'forgetSteps'>;
  /** An image of the engine with a shell, `cp`, `find` and the like. */
  readonly ground: string;
  /** What the built image is called meanwhile. */
  readonly tag: string;
  readonly platform: string;
  /** What the engine knows the namespace of a mount by, which its author wrote or did not. */
  readonly namespaceOf: (written: string | undefined) => string | undefined;
}

/** What a cache mount holds. */
export interface MountContent {
  readonly bytes: number;
  /** Changes with the name, size, time, mode or owner of any of its files. */
  readonly hash: string;
}

/** Where a copied mount lies in its image. */
const OUT = '/slipway-out';
const PROGRAMS = 'find stat sort sha256sum du cut';
const LIST =
  "{ find . -type d -exec stat -c '%n %f %u %g' {} +; find . ! -type d -exec stat -c '%n %s %Y %f %u %g' {} +; }";

/** Which of some mounts hold anything, in their order. */
export async function lookIntoMounts(
  mounts: readonly UsedMount[],
  steps: MountSteps,
): Promise<readonly boolean[]> {
  const told = await ask(mounts, steps, (at) => `[ -n "$(ls -A .)" ] && echo "$mark ${at} filled"`);
  return mounts.map((_, at) => told.has(at));
}

/** What some mounts hold, in their order; undefined for an empty one. */
export async function measureMounts(
  mounts: readonly UsedMount[],
  steps: MountSteps,
): Promise<readonly (MountContent | undefined)[]> {
  const needed = `for p in ${PROGRAMS}; do command -v $p >/dev/null || { echo "there is no $p in this image"; exit 1; }; done`;
  const told = await ask(
    mounts,
    steps,
    (at) =>
      `[ -n "$(ls -A .)" ] && echo "$mark ${at} $(du -sk . | cut -f1) $(${LIST} | LC_ALL=C sort | sha256sum | cut -d' ' -f1)"`,
    needed,
  );
  return mounts.map((_, at) => {
    const [kilobytes, hash] = told.get(at) ?? [];
    return kilobytes === undefined || hash === undefined
      ? undefined
      : { bytes: Number(kilobytes) * 1024, hash };
  });
}

/** Puts what {@link copyMount} has copied, an image of the engine, into a mount. */
export async function fillMount(mount: UsedMount, image: string, steps: MountSteps): Promise<void> {
  const from = `--mount=type=bind,from=${image},source=${OUT},target=/slipway/in`;
  const script = `cp -a /slipway/in/content/. /slipway/0/ && : ${randomUUID()}`;
  try {
    await build([mount], runOf([mount], script, from), steps);
  } finally {
    await steps.images.remove(steps.tag).catch(() => undefined);
  }
}

/** Makes an image whose last layer is what a mount holds, and takes it away again when the work with it is done. */
export async function copyMount<T>(
  mount: UsedMount,
  steps: MountSteps,
  work: (image: string) => Promise<T>,
): Promise<T> {
  const { images, tag } = steps;
  const mark = randomUUID();
  try {
    const script = `mkdir ${OUT} && cp -a /slipway/0 ${OUT}/content && : ${mark}`;
    await build([mount], runOf([mount], script), steps);
    return await work(tag);
  } finally {
    await images.remove(tag).catch(() => undefined);
    // It would push what builds can use out of the build cache.
    await images.forgetSteps(mark).catch(() => undefined);
  }
}

/** Runs a script in each mount and gives the words that it says after `$mark` and the mount's number. */
async function ask(
  mounts: readonly UsedMount[],
  steps: MountSteps,
  scriptOf: (at: number) => string,
  first = ':',
): Promise<ReadonlyMap<number, readonly string[]>> {
  const mark = `slipway-mount-${randomUUID()}`;
  const each = mounts.map((_, at) => `cd /slipway/${at} && ${scriptOf(at)}`);
  const said = new Map<number, readonly string[]>();
  const line = new RegExp(`^#\\d+ [\\d.]+ ${mark} (\\d+) (.*)$`);
  try {
    const script = [first, `mark=${mark}`, ...each, ':'].join('; ');
    await build(mounts, runOf(mounts, script), steps, (text) => {
      const [, at, words = ''] = line.exec(text) ?? [];
      if (at !== undefined) said.set(Number(at), words.split(' '));
    });
  } finally {
    await steps.images.remove(steps.tag).catch(() => undefined);
  }
  return said;
}

function runOf(mounts: readonly UsedMount[], script: string, more = ''): string {
  const flags = mounts.map(({ id, sharing, uid, gid, mode }, at) => {
    const known = Object.entries({ sharing, uid, gid, mode }).filter(([, value]) => value !== undefined);
    const fields = known.map(([key, value]) => `,${key}=${value}`);
    return `--mount=type=cache,id=${id},target=/slipway/${at}${fields.join('')}`;
  });
  return `RUN ${[...flags, more].join(' ')} ${JSON.stringify(['/bin/sh', '-c', script])}\n`;
}

async function build(
  [{ namespace: written } = {}]: readonly Partial<UsedMount>[],
  run: string,
  { images, ground, tag, platform, namespaceOf, signal, onProgress }: MountSteps,
  onLine: (line: string) => void = () => undefined,
): Promise<void> {
  const namespace = namespaceOf(written);
  const context = pack();
  context.entry({ name: 'Dockerfile' }, `FROM ${ground}\nUSER 0:0\n${run}`);
  context.finalize();
  await images.build(Readable.from(context), {
    imageName: 'cache mounts',
    tag,
    args: namespace === undefined ? {} : { [NAMESPACE_ARGUMENT]: namespace },
    platform,
    network: 'none',
    isPassing: true,
    onOutput: (text) => text.split('\n').forEach(onLine),
    signal,
    ...(onProgress ? { onProgress } : {}),
  });
}
