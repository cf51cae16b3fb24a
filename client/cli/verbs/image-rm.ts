import type { ImageKey } from '../../../store/store.ts';
import { ownReference } from '../../../model/engine-names.ts';
import type { IndexedImage } from '../indexed-images.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, projectOption, refOption, repoOption, revOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageRmArgs {
  readonly name: string;
  readonly hash?: string | undefined;
  readonly level?: number | undefined;
  readonly domain?: string | undefined;
  readonly yes: boolean;
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly json: boolean;
}

export const imageRmVerb = defineVerb<ImageRmArgs>({
  command: 'rm <name>',
  describe:
    'Take an image out of the index and its name out of the engine, so that the next push builds it again',
  options: (cli) =>
    cli
      .positional('name', { type: 'string', demandOption: true, describe: 'Its name under `images`' })
      .option('hash', {
        type: 'string',
        requiresArg: true,
        describe: 'Image hash or its beginning; default: as this checkout defines it',
      })
      .option('level', {
        type: 'number',
        choices: [1, 2, 3],
        describe: 'Only the entry of this level; default: all, since a push uses those of higher levels too',
      })
      .option('domain', {
        type: 'string',
        requiresArg: true,
        describe: 'Trust domain; default: that of the project',
      })
      .option('yes', { type: 'boolean', alias: 'y', default: false, describe: 'Without being asked' })
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'The image is one of this project' })
      .option('json', jsonOption)
      .example('$0 image rm lint', 'As it is now; asks before it does so')
      .example('$0 image rm lint --hash 1a2b3c4d --yes', 'One of image list'),
  run: imageRm,
});

async function imageRm(args: ImageRmArgs, session: Session): Promise<ExitCode> {
  const [{ findIndexed, openLevels }, { isInEngine, removeFromEngine }] = await Promise.all([
    import('../indexed-images.ts'),
    import('../remove-from-engine.ts'),
  ]);
  const { terminal } = session;
  const wanted = await findIndexed(args, session);
  if (!wanted) return EXIT.usage;
  const { key, images } = wanted;
  // Before anybody is asked: what cannot be done whole is not begun.
  using levels = await openLevels(
    images.map(({ level }) => level),
    session,
  );
  const reference = ownReference(key.imageHash);
  if (images.length === 0 && !(await isInEngine(reference, session))) {
    terminal.error(
      `slipway: image ${key.name} ${key.imageHash.slice(0, 12)} of trust domain ${key.domain} is neither in the index nor in the engine`,
    );
    return EXIT.usage;
  }
  await announce(key, images, session);
  if (!args.yes && !(await (await import('../confirm.ts')).confirm('Take it away?', session))) {
    terminal.note('Nothing was taken away');
    return EXIT.unsuccessful;
  }
  for (const { level } of images) await levels.of(level).index.remove(key, level);
  const inEngine = await removeFromEngine(reference, session);
  if (args.json) {
    const { name, domain, imageHash } = key;
    const removed = images.map(({ level, entry }) => ({ level, taskId: entry.taskId }));
    terminal.print(JSON.stringify({ name, domain, imageHash, removed, engine: { reference, ...inEngine } }));
    return EXIT.good;
  }
  for (const { level } of images)
    terminal.print(`Taken away: ${key.name} ${key.imageHash} of level ${level}`);
  terminal.print(inEngine.detail);
  return EXIT.good;
}

async function announce(
  { name, domain, imageHash }: ImageKey,
  images: readonly IndexedImage[],
  { terminal }: Session,
): Promise<void> {
  const { formatBytes, localTime, short } = await import('../render/quantities.ts');
  terminal.note(`Image ${name} ${short(imageHash)} of trust domain ${domain}:`);
  if (images.length === 0)
    terminal.note('  is not in the index; only its name in the engine can be taken away');
  for (const { level, entry } of images)
    terminal.note(
      `  level ${level}: built by ${entry.taskId} on ${localTime(entry.created)}, ${formatBytes(entry.sizeBytes)}`,
    );
  if (images.length > 0)
    terminal.note(
      'The next push that needs it builds it again. Pushes that have it go on; its blobs stay until the collector finds that nothing names them.',
    );
}
