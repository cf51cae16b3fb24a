import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { StartPush } from '../../../client/api.ts';
import { rerunPush } from '../../../client/rerun-push.ts';
import type { StartPushDeps } from '../../../client/start-push.ts';
import { startPush } from '../../../client/start-push.ts';
import type { PushInput } from '../../../model/pure/payloads.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
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

let store: Store;
let inputs: PushInput[];
let deps: StartPushDeps;
beforeEach(async () => {
  store = emptyStore();
  inputs = [];
  // A server whose worker plans at once.
  const start = async (_type: string, { args: [input] }: { readonly args: [PushInput] }): Promise<void> => {
    inputs.push(input);
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
    await store.pushes.writePlan({
      ...pushed,
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

    const outcome = await rerunPush(deps, {
      pushId,
      rerun: { tasks: [], downstream: false },
      by: 'anne',
    });

    expect(outcome).toEqual({ outcome: 'started', round: 2 });
  });

  it('has no number when it is the first', async () => {
    const first = { ...pushed, revision: 'b'.repeat(40) };

    expect(await startPush(deps, first)).toEqual({
      pushId: `push/demo/1/${first.revision}`,
      outcome: 'started',
    });
  });
});
