import { cp, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { diagnosesSchema } from '../../model/schema/diagnosis.ts';
import { pushDocumentSchema } from '../../model/schema/records.ts';
import { letIn, OtherUser } from '../helpers/other-user.ts';
import { runProgram } from '../helpers/run-program.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { commitSmallProject } from '../helpers/small-project.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

jest.setTimeout(600_000);

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

/** What would be printed if a tool or an image were got anew. */
const GOT_ANEW = /downloading|building|apt-get|debootstrap|npm ci/;

/** A checkout of ours elsewhere, whose path has what paths can have. */
async function secondCheckout(parent: string): Promise<string> {
  const checkout = join(parent, 'zweiter chäckout (копия)');
  const skipped = ['.git', '.slipway', 'node_modules'].map((name) => join(CHECKOUT, name));
  await cp(CHECKOUT, checkout, { recursive: true, filter: (path) => !skipped.includes(path) });
  await symlink(join(CHECKOUT, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
}

function runHere(
  command: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<ProgramResult> {
  const { PATH, HOME, XDG_CACHE_HOME } = process.env;
  const env = { PATH, HOME, XDG_CACHE_HOME, NO_COLOR: '1', ...options.env };
  return runProgram(command, { cwd: options.cwd, env });
}

function expectGood(result: ProgramResult): void {
  expect(`${result.exitCode} ${result.stderr} ${result.stdout}`).toMatch(/^0 /);
}

describe('two checkouts on one engine', () => {
  it('are set up from the cache and run side by side, one of them without root; the end of one harms the other nothing', async () => {
    await using engine = await startSecondEngine();
    await using user = await OtherUser.create({ withCache: true });
    await letIn(engine, user);
    await using directory = await temporaryDirectory('slipway-two-');
    const parent = directory.path;
    const docker = { DOCKER_HOST: `unix://${engine.socketPath}` };
    const theirs = { ...docker, SLIPWAY_HOME: join(user.home, 'stäte here') };
    const checkout = await secondCheckout(parent);
    const slipway = join(checkout, 'bin', 'slipway');
    const [theirRepository, ourRepository] = [join(user.home, 'one'), join(parent, 'zwei ü')];
    await Promise.all([commitSmallProject(theirRepository), commitSmallProject(ourRepository)]);
    await user.own(theirRepository);
    try {
      // As `npm run setup` does it. The state is in the checkout: SLIPWAY_HOME is not set.
      const setup = await runHere(['node', 'setup.mjs', 'run', 'client/cli/main.ts', 'setup'], {
        cwd: checkout,
        env: { ...docker, SLIPWAY_DOWNLOADS: 'http://127.0.0.1:1' },
      });
      expectGood(setup);
      expect(setup.stderr).not.toMatch(GOT_ANEW);
      expect(setup.stderr).toMatch(/Everything is there after \d+\.\d s\./);

      const [ourUp, theirUp] = await Promise.all([
        runHere([slipway, 'up', '--detach'], { cwd: checkout, env: docker }),
        user.slipway(['up', '--detach'], { env: theirs }),
      ]);
      for (const up of [ourUp, theirUp]) {
        expectGood(up);
        expect(up.stderr).not.toMatch(GOT_ANEW);
        expect(up.stdout).toMatch(/builds +a sidecar/);
      }
      const ours = { ...docker, SLIPWAY_HOME: join(checkout, '.slipway') };

      const ourPush = await runHere([slipway, 'push'], { cwd: ourRepository, env: ours });
      expectGood(ourPush);
      const theirPush = await user.slipway(['push', '--watch', '--json'], {
        cwd: theirRepository,
        env: theirs,
      });
      expect(pushDocumentSchema.parse(JSON.parse(theirPush.stdout))).toMatchObject({
        state: 'completed',
        images: [{ name: 'tools', outcome: 'built' }],
      });
      const doctor = await user.slipway(['doctor', '--json'], { env: theirs });
      expect(diagnosesSchema.parse(JSON.parse(doctor.stdout)).filter(({ ok }) => !ok)).toEqual([]);

      expectGood(await user.slipway(['down', '--purge'], { env: theirs }));
      const watched = await runHere([slipway, 'watch', ourPush.stdout.split(/\s/)[0]!, '--json'], {
        cwd: ourRepository,
        env: ours,
      });
      expect(pushDocumentSchema.parse(JSON.parse(watched.stdout))).toMatchObject({ state: 'completed' });
      expectGood(await runHere([slipway, 'doctor'], { cwd: checkout, env: ours }));
    } finally {
      await user.slipway(['down', '--purge'], { env: theirs });
      expectGood(await runHere([slipway, 'down', '--purge'], { cwd: checkout, env: docker }));
    }

    for (const home of [theirs.SLIPWAY_HOME, join(checkout, '.slipway')])
      await expect(stat(home)).rejects.toThrow('ENOENT');
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
    const networks = await engine.docker.listNetworks({ filters: { type: ['custom'] } });
    expect(networks.map(({ Name }) => Name)).toEqual([]);
    expect((await engine.docker.listVolumes()).Volumes ?? []).toEqual([]);
  });
});
