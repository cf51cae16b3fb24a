import { runCommand } from './run-command.ts';
import type { Tool } from './tool.ts';

/** An S3 server over a directory. */
export const S3_TOOL: Tool = {
  name: 'versitygw',
  part: 's3',
  title: 'the S3 server versitygw',
  release: {
    directory: 'versity/versitygw/releases/download/v1.8.0',
    // SHA-256 of the published files, as several projects that download them have it on record.
    archives: {
      'linux-x64': {
        file: 'versitygw_v1.8.0_Linux_x86_64.tar.gz',
        program: 'versitygw_v1.8.0_Linux_x86_64/versitygw',
        sha256: '2ba2c734d10d2c4e651d03182cb4b246656bc735a2f282db7b0b73fba6073467',
      },
      'linux-arm64': {
        file: 'versitygw_v1.8.0_Linux_arm64.tar.gz',
        program: 'versitygw_v1.8.0_Linux_arm64/versitygw',
        sha256: 'b34051d33f5a9c457f790896acb7bd7d7e15ad8d92efb70616b924f37e401910',
      },
      'darwin-x64': {
        file: 'versitygw_v1.8.0_Darwin_x86_64.tar.gz',
        program: 'versitygw_v1.8.0_Darwin_x86_64/versitygw',
        sha256: '104bd978e80ef0173554cfd8630ccc5bac24b00da440510b60365a3b6b6ab134',
      },
      'darwin-arm64': {
        file: 'versitygw_v1.8.0_Darwin_arm64.tar.gz',
        program: 'versitygw_v1.8.0_Darwin_arm64/versitygw',
        sha256: '4953096f65a9c0d62ab184fb6b2ba7c2435229205cf00a56cb62cd4bf6b216ca',
      },
    },
  },
  module: 'github.com/versity/versitygw/cmd/versitygw',
  version: 'v1.8.0',
  isUsable: async (path, signal) => {
    const help = await runCommand([path, 'posix', '--help'], { signal }).catch(() => '');
    return help.includes('--sidecar');
  },
  otherwise:
    'Let this machine reach https://github.com, or install Go 1.24 or newer, or put `versitygw` on PATH, or set SLIPWAY_S3_ENDPOINT (with SLIPWAY_S3_BUCKET and AWS_*) to a store that runs',
};
