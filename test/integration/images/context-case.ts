import type { TreeFiles } from '../../helpers/checked-out-trees.ts';

/** A tree, and which of its contexts is hashed how. */
export interface ContextCase {
  readonly name: string;
  readonly files: TreeFiles;
  readonly args?: Readonly<Record<string, string>>;
  readonly hasParent?: boolean;
  /** Default: `ctx`. */
  readonly context?: string;
  /** Whether we are asked as `plan` and `image hash` ask, which look at the instructions too. */
  readonly isDescribed?: boolean;
  /** Name of the checkout, where that matters. */
  readonly checkout?: string;
  /** Done to the checkout after all was committed, by whatever way taskgraph then sees it and git does not. */
  readonly onDisk?: (directory: string) => void;
}

/** A context with this Dockerfile and these files. */
export function contextWith(dockerfile: string | readonly string[], files: TreeFiles = {}): TreeFiles {
  const text = typeof dockerfile === 'string' ? dockerfile : `${dockerfile.join('\n')}\n`;
  return { 'ctx/Dockerfile': text, ...files };
}
