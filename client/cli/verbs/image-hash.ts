import type { DescribedImage } from '../../../images/describe-images.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import {
  jsonOption,
  platformOption,
  projectOption,
  refOption,
  repoOption,
  revOption,
  worktreeOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageHashArgs {
  readonly name: string[];
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly platform?: string | undefined;
  readonly worktree: boolean;
  readonly json: boolean;
}

export const imageHashVerb = defineVerb<ImageHashArgs>({
  command: 'hash <name..>',
  describe: 'Print contextHash and imageHash of in-tree images',
  options: (cli) =>
    cli
      .positional('name', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Names under `images`',
      })
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Bases are those recorded for this project' })
      .option('platform', platformOption)
      .option('worktree', worktreeOption)
      .option('json', jsonOption)
      .example('$0 image hash lint', 'Of the checked-out revision')
      .example('$0 image hash base lint --rev HEAD~1 --json', 'Two images of another revision, for programs'),
  run: imageHash,
});

async function imageHash(args: ImageHashArgs, session: Session): Promise<ExitCode> {
  const [{ describeInTree }, { findStore }] = await Promise.all([
    import('../describe-in-tree.ts'),
    import('../find-store.ts'),
  ]);
  const found = await findStore(session);
  try {
    const described = await describeInTree(args, args.name, found, session);
    if (!described) return EXIT.usage;
    print(
      args.name.flatMap((name) => described.images.filter((image) => image.name === name)),
      args,
      session,
    );
    return EXIT.good;
  } finally {
    found.store?.close();
  }
}

function print(images: readonly DescribedImage[], { json }: ImageHashArgs, { terminal }: Session): void {
  if (json) {
    const documents = images.map(({ name, contextHash, imageHash: hash, missingBases }) => ({
      name,
      contextHash,
      imageHash: hash,
      missingBases,
    }));
    terminal.print(JSON.stringify({ images: documents }));
    return;
  }
  for (const { name, contextHash, imageHash: hash, missingBases } of images) {
    terminal.print(terminal.paint('bold', name));
    terminal.print(`  contextHash ${contextHash}`);
    terminal.print(`  imageHash   ${hash ?? `not known: ${whyUnknown(missingBases)}`}`);
  }
}

/** Why there is no hash yet. */
export function whyUnknown(missingBases: readonly string[]): string {
  if (missingBases.length === 0)
    return 'a base of its parent has no record yet; the first push that needs it makes one';
  return `no record of ${missingBases.join(', ')} yet; the first push that needs it makes one`;
}
