import type { Tool } from './tool.ts';
import { runCommand } from './run-command.ts';

/** Flags without which the dev server is slow or cannot do what workers need. */
const NEEDED_FLAGS = ['--sqlite-pragma', '--dynamic-config-value', '--search-attribute', '--db-filename'];

/** The Temporal CLI, which holds the dev server. */
export const TEMPORAL_TOOL: Tool = {
  name: 'temporal',
  part: 'temporal',
  title: 'the Temporal CLI',
  release: {
    directory: 'temporalio/cli/releases/download/v1.5.1',
    // SHA-256 of the published files, as several projects that download them have it on record.
    archives: {
      'linux-x64': {
        file: 'temporal_cli_1.5.1_linux_amd64.tar.gz',
        program: 'temporal',
        sha256: 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
      },
      'linux-arm64': {
        file: 'temporal_cli_1.5.1_linux_arm64.tar.gz',
        program: 'temporal',
        sha256: 'bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5',
      },
      'darwin-x64': {
        file: 'temporal_cli_1.5.1_darwin_amd64.tar.gz',
        program: 'temporal',
        sha256: 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
      },
      'darwin-arm64': {
        file: 'temporal_cli_1.5.1_darwin_arm64.tar.gz',
        program: 'temporal',
        sha256: 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
      },
    },
  },
  module: 'github.com/temporalio/cli/cmd/temporal',
  version: 'v1.5.1',
  isUsable: async (path, signal) => {
    const help = await runCommand([path, 'server', 'start-dev', '--help'], { signal }).catch(() => '');
    return NEEDED_FLAGS.every((flag) => help.includes(flag));
  },
  otherwise:
    'Let this machine reach https://github.com, or install Go 1.24 or newer, or put `temporal` on PATH, or set TEMPORAL_ADDRESS to a server that runs',
};
