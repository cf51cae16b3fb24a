import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findStore } from '../../../client/cli/find-store.ts';
import { foreignDirectory, readConnections, stateDirectory } from '../../../workers/connections.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { runVerb } from '../../helpers/run-slipway.ts';
import { whileForeign } from '../../helpers/while-foreign.ts';
// What the verbs import, since nothing can be compiled while this process is somebody else.
import '../../../client/cli/detached-up.ts';
import '../../../client/cli/open-client.ts';
import '../../../client/cli/find-config.ts';
import '../../../client/cli/render/quantities.ts';
import '../../../client/cli/render/stack-text.ts';
import '../../../client/cli/render/table.ts';
import '../../../client/cli/run-stack.ts';
import '../../../stack/set-up.ts';
import '../../../stack/stop-stack.ts';
import '../../../workers/server-config.ts';

let scratch: ReturnType<typeof scratchDirectory>;
let here: string;
let state: string;
const before = process.cwd();

beforeEach(() => {
  scratch = scratchDirectory();
  const root = realpathSync(scratch.path);
  chmodSync(root, 0o755);
  here = join(root, 'repository');
  state = join(root, '.slipway');
  for (const directory of [here, state]) mkdirSync(directory);
  process.chdir(here);
});

afterEach(() => {
  process.chdir(before);
  scratch[Symbol.dispose]();
});

const whose = /is another user's \((root|user \d+)\)/;

describe("another user's state directory", () => {
  it('is named to whom it would serve from above or from the checkout, who still has none', async () => {
    const checkout = join(dirname(state), 'checkout');
    mkdirSync(checkout);

    await whileForeign(state, async () => {
      expect(foreignDirectory({})).toBe(state);
      expect(stateDirectory({}, checkout)).toBe(join(here, '.slipway'));
      const refused = readConnections({});
      await expect(refused).rejects.toMatchObject({ type: 'StackUnavailable' });
      await expect(refused).rejects.toThrow(
        `No stack runs in ${join(here, '.slipway')}; ${state} is another`,
      );
      await expect(refused).rejects.toThrow(whose);
    });
    await whileForeign(checkout, () => {
      expect(foreignDirectory({}, checkout)).toBe(checkout);
      return Promise.resolve();
    });
    expect(foreignDirectory({})).toBeUndefined();
  });

  it.each([[['up']], [['up', '--detach']], [['setup']], [['down']], [['pushes']]])(
    'keeps %j from what is in it, and says whose it is',
    async (args) => {
      const ended = await whileForeign(state, () => runVerb(args, { SLIPWAY_HOME: state }));

      expect(ended.exitCode).toBe(3);
      expect(ended.stderr).toContain(`slipway: ${state} is another user's`);
      expect(ended.stderr).toMatch(whose);
      expect(ended.stderr).toContain('type it as that user (sudo)');
    },
  );

  it('is named by a down that finds nothing of one’s own', async () => {
    // With these a stack of this very checkout is not meant.
    const env = { SLIPWAY_HOME: '', TEMPORAL_ADDRESS: 'temporal.example:7233', SLIPWAY_S3_BUCKET: 'slipway' };
    const ended = await whileForeign(state, () => runVerb(['down'], env));

    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toContain('nothing is there');
    expect(ended.stderr).toContain(`${state} is another user's`);
  });

  it('says nothing about projects to who plans', async () => {
    writeFileSync(join(state, 'slipway.config.yml'), 'version: 1\nlocalProjects: false\n');

    const found = await whileForeign(state, () => findStore({ env: { SLIPWAY_HOME: state } }));

    expect(found).toMatchObject({ why: 'no stack runs', config: { localProjects: true, projects: {} } });
  });
});
