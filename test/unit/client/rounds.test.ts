import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { StartPush } from '../../../client/api.ts';
import { rerunPush } from '../../../client/rerun-push.ts';
import type { StartPushDeps } from '../../../client/start-push.ts';
import { startPush } from '../../../client/start-push.ts';
import type { PushInput } from '../../../model/pure/payloads.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { PushRecord } from '../../../model/schema/records.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { pushKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { aPush } from '../../helpers/push-documents.ts';

const { id: pushId, revision } = aPush();
const pushed: StartPush = {
  repository: 'file:///srv/demo.git',
  ref: 'refs/heads/main',
  revision,
  request: {},
  pushedBy: 'anne',
};
const config = serverConfigSchema.parse({
  version: 1,
  projects: { demo: { sources: [{ repository: pushed.repository, refs: { '*': 1 } }] } },
});

let objects: ObjectStore;
let store: Store;
let inputs: PushInput[];
let priorities: unknown[];
let deps: StartPushDeps;
beforeEach(async () => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  inputs = [];
  priorities = [];
  // A server whose worker plans at once.
  const start = async (
    _type: string,
    { args: [input], priority }: { readonly args: [PushInput]; readonly priority?: unknown },
  ): Promise<void> => {
    inputs.push(input);
    priorities.push(priority);
    await store.pushes.writeStatus(aPush(input.round === undefined ? {} : { round: input.round }));
  };
  const client = { workflow: { start } } as unknown as Client;
  deps = { store, config, askTemporal: (_level, work) => work(client) };
  const push = { ...pushed, project: 'demo', level: 1, received: '2026-01-02T03:04:05.000Z' } as const;
  await receivePush(store, { push, pushId }, 'demo');
});

const resolve = (round?: number): Promise<void> =>
  store.pushes.writeStatus(
    aPush({
      ...(round === undefined ? {} : { round }),
      state: 'failed',
      reason: 'failed',
      resolved: '2026-01-02T03:05:00.000Z',
    }),
  );

const writePlan = (ref = pushed.ref): Promise<void> =>
  store.pushes.writePlan({
    ...pushed,
    ref,
    version: 1,
    pushId,
    project: 'demo',
    domain: 'demo',
    level: 1,
    plannedAt: '2026-01-02T03:04:06.000Z',
    warnings: [],
    images: [],
    tasks: [],
    skipped: [],
  });

describe('the repository of a push', () => {
  it('is written as the configuration has it, also where it was reached by another path', async () => {
    using scratch = scratchDirectory();
    const [real, linked] = [join(scratch.path, 'data'), join(scratch.path, 'srv')];
    mkdirSync(join(real, 'x.git'), { recursive: true });
    symlinkSync(real, linked);
    const repository = `file://${linked}/x.git`;
    const configured = serverConfigSchema.parse({
      version: 1,
      projects: { demo: { sources: [{ repository, refs: { '*': 1 } }] } },
    });

    await startPush({ ...deps, config: configured }, { ...pushed, repository: join(real, 'x.git') });

    expect(inputs).toMatchObject([{ project: 'demo', repository }]);
  });
});

describe('a push', () => {
  it('is planned, and what it needs for that is done, in fairness to other projects', async () => {
    const first = { ...pushed, revision: 'b'.repeat(40) };

    await startPush(deps, first);

    expect(priorities).toEqual([{ fairnessKey: 'demo' }]);
  });

  it('that is not planned has nothing that could run again; nor has one that was refused', async () => {
    const rerun = () =>
      rerunPush(deps, { pushId, rerun: { tasks: 'failed', downstream: false }, by: 'anne' });

    await expect(rerun()).rejects.toThrow('has not been planned yet');
    await resolve();
    await expect(rerun()).rejects.toThrow('has no tasks');
  });
});

describe('the round that was begun', () => {
  it.each([
    [undefined, 2],
    [2, 3],
  ])('after round %s is told by whoever asks for a new one: %i', async (before, round) => {
    await resolve(before);

    const started = await startPush(deps, { ...pushed, again: true });

    expect(started).toEqual({ pushId, outcome: 'started', round });
    expect(inputs).toMatchObject([{ round }]);
  });

  it('is told by a rerun', async () => {
    await resolve();
    await writePlan();

    const outcome = await rerunPush(deps, {
      pushId,
      rerun: { tasks: [], downstream: false },
      by: 'anne',
    });

    expect(outcome).toEqual({ outcome: 'started', round: 2 });
  });

  it('is not begun for tasks alone whose image the push was planned without', async () => {
    await resolve();
    const inTree = (label: string, name: string) => ({ label, image: { type: 'in-tree', name } });
    const plan = {
      ...pushed,
      project: 'demo',
      level: 1,
      tasks: [inTree('unit', 'base'), inTree('lint', 'tools')],
      images: [{ name: 'base', unavailable: 'Base image "none:1" cannot be had: 404' }, { name: 'tools' }],
      pushId,
    } as unknown as Plan;
    const pushes = { ...store.pushes, findPlan: () => Promise.resolve(plan) };
    const rerun = (...tasks: string[]) =>
      rerunPush(
        { ...deps, store: { ...store, pushes } },
        { pushId, rerun: { tasks, downstream: false }, by: 'anne' },
      );

    await expect(rerun('unit')).rejects.toThrow(
      `${pushId} was planned without an image: Base image "none:1" cannot be had: 404. \`slipway push --again\` plans anew`,
    );
    expect(await rerun('unit', 'lint')).toEqual({ outcome: 'started', round: 2 });
  });

  it('has no number when it is the first', async () => {
    const first = { ...pushed, revision: 'b'.repeat(40) };

    expect(await startPush(deps, first)).toEqual({
      pushId: `push/demo/1/${first.revision}`,
      outcome: 'started',
    });
  });
});

describe('the ref that tasks were decided for', () => {
  const release = { ...pushed, ref: 'refs/heads/release/1' };

  it('is told to who pushes another one, and to nobody else', async () => {
    await resolve();
    await writePlan();

    const answers = [pushed, release, release, pushed].map((push) => () => startPush(deps, push));

    const told: (string | undefined)[] = [];
    for (const answer of answers) told.push((await answer()).decidedFor);
    expect(told).toEqual([undefined, pushed.ref, pushed.ref, undefined]);
    expect((await store.pushes.find(pushId))?.refs).toEqual([pushed.ref, release.ref]);
  });

  it('is the one of the newest round', async () => {
    await resolve();
    await writePlan();
    await startPush(deps, { ...release, again: true });
    await store.pushes.receive({ ...(await found()), refs: [release.ref] });
    await writePlan(release.ref);
    await resolve(2);

    expect(inputs).toMatchObject([{ ref: release.ref }]);
    expect((await startPush(deps, release)).decidedFor).toBeUndefined();
    expect((await startPush(deps, pushed)).decidedFor).toBe(release.ref);
  });

  it('is the first one of a push that ended without a plan', async () => {
    await resolve();

    expect((await startPush(deps, release)).decidedFor).toBe(pushed.ref);
  });

  async function found(): Promise<PushRecord> {
    const record = await store.pushes.find(pushId);
    if (!record) throw new Error('There is no record');
    return record;
  }
});

describe('a push that ended as canceled', () => {
  const canceled = { state: 'exception', reason: 'canceled', resolved: '2026-01-02T03:05:00.000Z' } as const;
  const supersededBy = `push/demo/1/${'b'.repeat(40)}`;

  it('because a newer one took its place begins a new round when it is pushed again, and is the newer one then', async () => {
    await store.pushes.writeStatus(aPush({ ...canceled, supersededBy }));

    expect(await startPush(deps, pushed)).toEqual({ pushId, outcome: 'started', round: 2 });
    expect(inputs).toMatchObject([{ again: true, arrivedAgain: true, round: 2 }]);
  });

  it('for that is no newer one where a new round of it is asked for', async () => {
    await store.pushes.writeStatus(aPush({ ...canceled, supersededBy }));

    await startPush(deps, { ...pushed, again: true });

    expect(inputs).toMatchObject([{ again: true, round: 2 }]);
    expect(inputs[0]).not.toHaveProperty('arrivedAgain');
  });

  it.each([undefined, `A newer push takes its place: ${supersededBy}`])(
    'is answered from its record where that names no newer push: somebody cancelled it, or an older version wrote it (%s)',
    async (detail) => {
      await store.pushes.writeStatus(aPush({ ...canceled, ...(detail ? { detail } : {}) }));

      expect(await startPush(deps, pushed)).toEqual({ pushId, outcome: 'resolved' });
      expect(inputs).toEqual([]);
    },
  );
});

describe('a push that is pushed again while it runs', () => {
  const running = {
    start: () => Promise.reject(new WorkflowExecutionAlreadyStartedError('It runs', pushId, 'push')),
    getHandle: () => ({
      describe: () => Promise.resolve({ status: { name: 'RUNNING' }, runId: 'r' }),
      query: () => Promise.resolve({ pushId, plannedAt: '', tasks: [], images: [] }),
    }),
  };
  const join = (supersede: boolean): ReturnType<typeof startPush> => {
    const withDeadline = (_deadline: number, work: () => Promise<unknown>): Promise<unknown> => work();
    const client = { workflow: running, withDeadline } as unknown as Client;
    const projects = { demo: { ...config.projects.demo, supersede } };
    const configured = serverConfigSchema.parse({ version: 1, projects });
    return startPush({ ...deps, config: configured, askTemporal: (_level, work) => work(client) }, pushed);
  };

  it('is joined, and newer than what was pushed meanwhile where newer ones take the place of others', async () => {
    await store.pushes.writeStatus(aPush());

    expect(await join(false)).toEqual({ pushId, outcome: 'joined' });
    expect(await store.pushes.find(pushId)).not.toHaveProperty('arrived');
    expect(await join(true)).toEqual({ pushId, outcome: 'joined' });
    const { received, arrived = '' } = (await store.pushes.find(pushId)) ?? { received: '' };
    expect(Date.parse(arrived)).toBeGreaterThan(Date.parse(received));
  });
});

describe('a push whose status is damaged', () => {
  const damage = (): Promise<unknown> =>
    objects.put(pushKey(pushId, 'status'), Buffer.from('{"version": 1,'), {});

  it('begins a new round where that is asked for, which is the next one and writes it anew', async () => {
    const push = { ...pushed, project: 'demo', level: 1, received: '2026-01-03T00:00:00.000Z' } as const;
    await receivePush(store, { push: { ...push, round: 2 }, pushId }, 'demo');
    await resolve(2);
    await damage();

    const started = await startPush(deps, { ...pushed, again: true });

    expect(started).toEqual({ pushId, outcome: 'started', round: 3 });
    expect(await store.pushes.findStatus(pushId)).toMatchObject({ round: 3 });
  });

  it('begins one also where its own record, which knows the number, is damaged too', async () => {
    await damage();
    await objects.put(pushKey(pushId, 'push'), Buffer.from(''), {});

    expect(await startPush(deps, { ...pushed, again: true })).toMatchObject({ outcome: 'started', round: 2 });
  });

  it('is else said to be damaged, with what mends it, by all that need it', async () => {
    await damage();
    const remedy = `slipway push --rev ${revision.slice(0, 12)} --again`;

    await expect(startPush(deps, pushed)).rejects.toThrow(remedy);
    await expect(store.pushes.findStatus(pushId)).rejects.toThrow(remedy);
    expect(inputs).toEqual([]);
  });
});

it.each([false, true])(
  'A push whose status a newer version wrote is not carried out again by an older one, asked for so or not (%s)',
  async (again) => {
    const newer = Buffer.from(JSON.stringify({ ...aPush(), state: 'failed', reason: 'of tomorrow' }));
    await objects.put(pushKey(pushId, 'status'), newer, {});

    const starting = startPush(deps, { ...pushed, again });

    await expect(starting).rejects.toMatchObject({ type: 'VersionTooOld' });
    await expect(starting).rejects.not.toThrow('--again');
    expect(inputs).toEqual([]);
  },
);
