import type { GoTool } from './go-tool.ts';
import { runCommand } from './run-command.ts';

/** Flags without which the dev server is slow or cannot do what workers need. */
const NEEDED_FLAGS = ['--sqlite-pragma', '--dynamic-config-value', '--search-attribute', '--db-filename'];

/** The Temporal CLI, which holds the dev server. */
export const TEMPORAL_TOOL: GoTool = {
  name: 'temporal',
  part: 'temporal',
  title: 'the Temporal CLI',
  module: 'github.com/temporalio/cli/cmd/temporal',
  version: 'v1.5.1',
  isUsable: async (path, signal) => {
    const help = await runCommand([path, 'server', 'start-dev', '--help'], { signal }).catch(() => '');
    return NEEDED_FLAGS.every((flag) => help.includes(flag));
  },
  otherwise:
    'Install Go 1.24 or newer, or put `temporal` on PATH, or set TEMPORAL_ADDRESS to a server that runs',
};
