import type { Engine } from '../../docker/engine.ts';
import type { DescribedImage } from '../../images/describe-images.ts';
import { isSlipwayError } from '../../model/errors.ts';
import type { SourceTree } from '../../model/source-tree.ts';
import { LocalBuilder } from '../../steps/build-locally.ts';
import type { ResolvedProject } from '../../steps/resolve-project.ts';
import type { Store } from '../../store/store.ts';
import { oneBuildAtATime } from './one-build-at-a-time.ts';
import { remarkOnPlatform } from './platform-of-images.ts';
import { printLines } from './print-lines.ts';
import type { Session } from './session.ts';
import { showTransfer } from './show-transfer.ts';

export interface LocalBuilding {
  readonly engine: Engine;
  readonly store: Store;
  readonly tree: SourceTree;
  readonly owner: Pick<ResolvedProject, 'domain' | 'level'>;
  readonly images: readonly DescribedImage[];
  /** Whether the platform that they are for was asked for; else it is the engine's. */
  readonly isPlatformAsked: boolean;
}

/** Builds images in an engine here, and shows what a build prints. Undefined when one could not be built, which was told then. */
export async function withLocalBuilder<T>(
  { engine, store, tree, owner, images, isPlatformAsked }: LocalBuilding,
  session: Session,
  work: (builder: LocalBuilder) => Promise<T>,
): Promise<T | undefined> {
  const { terminal, signal } = session;
  const remark = isPlatformAsked ? undefined : await remarkOnPlatform(images, { store, level: owner.level });
  if (remark !== undefined) terminal.note(`slipway: ${remark}`);
  const output = printLines((line) => terminal.note(line));
  const builder = new LocalBuilder(
    {
      engine,
      alone: await oneBuildAtATime(engine, session),
      store,
      tree,
      domain: owner.domain,
      level: owner.level,
      say: (line) => terminal.note(line),
      onOutput: output.write,
      onProgress: showTransfer(terminal),
      signal,
    },
    images,
  );
  try {
    return await work(builder);
  } catch (error) {
    if (signal.aborted || !isSlipwayError(error) || error.type !== 'ImageBuildFailed') throw error;
    output.end();
    terminal.error(`slipway: ${error.message}`);
    return undefined;
  } finally {
    output.end();
    terminal.status('');
  }
}
