import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { rerunPush } from '../../../client/rerun-push.ts';
import type { StartPushDeps } from '../../../client/start-push.ts';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { Rerun } from '../../../model/pure/rerun.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { recordEnd } from '../../helpers/recorded-runs.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const FILE = `version: 1
tasks:
  plain: { image: debian }
  bad: { image: debian }
  virtual: { image: debian, dependencies: [bad], capabilities: { devices: { kvm: true } } }
`;

const granting = (capabilities: readonly string[], level = 1): ServerConfig =>
  serverConfigSchema.parse({
    version: 1,
    projects: {
      demo: {
        sources: [{ repository: push.repository, refs: { '*': level } }],
        capabilities: { 1: capabilities },
      },
    },
  });

let store: Store;
/** What Temporal was asked for. */
let asked: string[];
beforeEach(async () => {
  store = createStore(createMemoryObjectStore());
  asked = [];
  await receivePush(store, { push, pushId }, 'demo');
  await store.pushes.writePlan(aPlanOf(push, { plannedAt, file: FILE }));
  for (const label of ['bad', 'virtual'])
    await recordEnd(store, { pushId, plannedAt }, { label, state: 'failed', reason: 'failed', runs: [] });
});

const record = (isOver: boolean): Promise<void> =>
  recordPush(store, { pushId, plannedAt, images: [], ...(isOver ? { verdict: { reason: 'failed' } } : {}) });

function rerun(config: ServerConfig, tasks: Rerun['tasks'], downstream = false): Promise<unknown> {
  const workflow = {
    start: () => {
      asked.push('start');
      return record(false);
    },
    // It runs, and is not ending.
    getHandle: () => ({
      describe: () => Promise.resolve({ status: { name: 'RUNNING' }, runId: 'a' }),
      query: () => Promise.resolve({}),
      signal: (name: string) => Promise.resolve(void asked.push(name)),
    }),
  };
  const client = {
    workflow,
    withDeadline: (_deadline: number, work: () => unknown) => work(),
  } as unknown as Client;
  const deps: StartPushDeps = { store, config, askTemporal: (_level, work) => work(client) };
  return rerunPush(deps, { pushId, rerun: { tasks, downstream }, by: 'anne' });
}

describe.each([
  ['has its verdict', true, 'start'],
  ['runs', false, 'rerun'],
] as const)('a rerun of a push that %s', (_, isOver, begun) => {
  it('is refused before anything begins where a task asks for what is not granted any more', async () => {
    await record(isOver);
    const refusal = {
      type: 'NotGranted',
      message: expect.stringContaining('task "virtual": "kvm" is not granted to project "demo" at level 1'),
    };

    for (const [tasks, downstream] of [
      [['virtual'], false],
      [['bad'], true],
      ['failed', false],
    ] as const)
      await expect(rerun(granting([]), tasks, downstream)).rejects.toMatchObject(refusal);
    await expect(rerun(granting(['kvm'], 3), ['plain'])).rejects.toMatchObject({ type: 'ProjectNotFound' });

    expect(asked).toEqual([]);
  });

  it('begins where it is granted, and of tasks that do not ask for it', async () => {
    await record(isOver);
    await rerun(granting([]), ['bad']);
    await record(isOver);
    await rerun(granting(['kvm']), 'failed', true);

    expect(asked).toEqual([begun, begun]);
  });
});
