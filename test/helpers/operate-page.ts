import { readFile } from 'node:fs/promises';

export const OPERATE_PAGE = new URL('../../docs/operate.md', import.meta.url);

/** What docs/operate.md says to type for one kind of worker. */
export interface DocumentedWorker {
  /** Names of the variables that are exported before it. */
  readonly variables: readonly string[];
  /** The arguments after `slipway worker <kind>`. */
  readonly arguments: readonly string[];
}

/** The page's shell blocks as they stand. */
export async function shellBlocks(): Promise<readonly string[]> {
  const page = await readFile(OPERATE_PAGE, 'utf8');
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** The block of every worker, then that of the kind. @throws when the page does not say how to start one. */
export async function documentedWorker(kind: string): Promise<DocumentedWorker> {
  const blocks = await shellBlocks();
  const common = blocks.find((block) => block.includes('export TEMPORAL_ADDRESS='));
  const own = blocks.find((block) => block.includes(`slipway worker ${kind} `));
  const command = own?.split('\n').find((line) => line.startsWith('slipway worker '));
  if (!common || !own || !command) throw new Error(`docs/operate.md does not say how to start a ${kind}`);
  return {
    variables: [...`${common}${own}`.matchAll(/^export (\w+)=/gm)].map(([, name = '']) => name),
    arguments: command.trim().split(/\s+/).slice(3),
  };
}
