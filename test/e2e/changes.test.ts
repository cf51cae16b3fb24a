import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { GATED, World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open({ base: false });
  await world.startWorker();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const plain = { image: 'debian:bookworm', checkout: false, command: 'true' };
const tasks = {
  always: plain,
  docs: { ...plain, when: { changed: ['docs/**'] } },
  src: { ...plain, when: { changed: ['src/**'] } },
};

interface PlanDocument {
  readonly tasks: readonly { readonly label: string }[];
  readonly compared: { readonly revision?: string; readonly what?: string };
}

describe('when.changed of what a person pushes', () => {
  it('is against the revision that the same branch was pushed at before, as slipway plan says beforehand', async () => {
    const repository = await world.createRepository();
    const env = { SLIPWAY_HOME: world.home, NO_COLOR: '1' };
    const slipway = async (...args: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await runSlipway(args, {
        cwd: repository.path,
        env,
        timeoutMs: 240_000,
      });
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      return stdout;
    };
    const both = async (): Promise<{ plan: PlanDocument; labels: string[] }> => {
      const plan = JSON.parse(await slipway('plan', '--json')) as PlanDocument;
      const push = JSON.parse(await slipway('push', '--watch', '--json')) as PushDocument;
      const labels = push.tasks.map(({ label }) => label);
      expect(plan.tasks.map(({ label }) => label)).toEqual(labels);
      return { plan, labels };
    };

    const first = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    const unknown = await slipway('plan');
    const begun = await both();
    await repository.commit({ 'docs/index.md': 'One' });
    const said = await slipway('plan');
    const second = await both();
    // The same again: against what was before it, and not against itself.
    const again = JSON.parse(await slipway('push', '--again', '--watch', '--json')) as PushDocument;

    expect(unknown).toContain('\nNothing is known to compare with: everything counts as changed\n');
    expect([begun.plan.compared, begun.labels]).toEqual([{}, ['always', 'docs', 'src']]);
    expect(said).toContain(`\nChanges are those since ${first.slice(0, 12)}, the push of main before\n`);
    expect(second.plan.compared).toEqual({ revision: first, what: 'the push of main before' });
    expect(second.labels).toEqual(['always', 'docs']);
    expect(again.tasks.map(({ label }) => label)).toEqual(['always', 'docs']);
  });
});

describe('a newer push of a branch that the configuration lets supersede', () => {
  it('cancels the older one that runs, and leaves another branch alone', async () => {
    const repository = await world.createRepository({ '*': 1 }, { supersede: ['try/*'] });
    const start = async (branch: string, label: string, command: string): Promise<string> => {
      const one = { image: plain.image, checkout: false, command };
      const after = { ...plain, dependencies: [label] };
      await repository.git('checkout', '--quiet', '-B', branch);
      const files = { 'slipway.yml': { version: 1, tasks: { [label]: one, after } } };
      return world.start(repository, await repository.commit(files), { ref: `refs/heads/${branch}` });
    };
    const isRunning = async (pushId: string, label: string): Promise<boolean> => {
      const document = await world.live.api.read(pushId).catch(() => undefined);
      return document?.tasks.some((task) => task.label === label && task.state === 'running') ?? false;
    };

    const older = await start('try/one', 'slow', GATED);
    await until(() => isRunning(older, 'slow'));
    const other = await start('try/two', 'aside', GATED);
    await until(() => isRunning(other, 'aside'));
    expect(await isRunning(older, 'slow')).toBe(true);
    const newer = await start('try/one', 'quick', 'true');
    const done = await world.verdict(newer);
    await until(async () => !(await isRunning(older, 'slow')), 60_000);
    const superseded = await world.verdict(older);
    expect(await isRunning(other, 'aside')).toBe(true);
    await world.openGate('aside');
    const kept = await world.verdict(other);

    expect(superseded).toMatchObject({
      state: 'exception',
      reason: 'canceled',
      detail: `A newer push takes its place: ${newer}`,
    });
    expect(statesOf(superseded)).toEqual({ slow: 'exception/canceled', after: 'exception/canceled' });
    expect(statesOf(done)).toEqual({ quick: 'completed/completed', after: 'completed/completed' });
    expect(statesOf(kept)).toEqual({ aside: 'completed/completed', after: 'completed/completed' });
    expect(await world.containers()).toEqual([]);
  });
});
