import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { PlannedPush, PlanPushInput, PushInput } from '../../../model/pure/payloads.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { createGitSource } from '../../../source/git-source.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Each test runs some dozens of git processes.
jest.setTimeout(120_000);

let scratch: ReturnType<typeof scratchDirectory>;
let repository: GitRepository;
let push: PushInput;
let told: string[];
beforeEach(() => {
  told = [];
  scratch = scratchDirectory();
  repository = new GitRepository(`${scratch.path}/repository`);
  repository.commit({ 'slipway.yml': 'version: 1\ntasks: { a: { image: debian } }\n' });
  repository.git('checkout', '--quiet', '-b', 'topic');
  push = {
    project: 'demo',
    level: 1,
    repository: `file://${repository.directory}`,
    ref: 'refs/heads/topic',
    revision: repository.commit({ a: '1' }).trim(),
    request: {},
    pushedBy: 'somebody',
    received: '2026-01-01T00:00:00.000Z',
  };
});
afterEach(() => scratch[Symbol.dispose]());

function plan(further: Partial<PlanPushInput> = {}): Promise<PlannedPush> {
  const sources = [{ repository: push.repository, refs: { main: 1, '*': 1 } }];
  const deps = {
    store: createStore(createMemoryObjectStore()),
    source: createGitSource({ mirrorsDirectory: `${scratch.path}/mirrors`, allowFile: true }),
    config: serverConfigSchema.parse({ version: 1, projects: { demo: { sources } } }),
    platform: 'linux/amd64',
  };
  const input = { push, pushId: pushIdOf(push), unavailableBases: {}, ...further };
  const { signal } = new AbortController();
  return planPush(deps, input, {
    signal,
    onProgress: ({ message }) => void told.push(message),
    isCanceled: () => false,
  });
}

describe('a push whose branch', () => {
  it.each([
    ['was amended', ['commit', '--quiet', '--amend', '--message', 'other']],
    ['is gone', ['branch', '--quiet', '--move', 'elsewhere']],
  ])('%s is planned again, and not for the first time', async (_what, args) => {
    expect((await plan()).outcome).toBe('planned');

    repository.git(...args);

    expect((await plan({ replanned: true })).outcome).toBe('planned');
    expect(await plan()).toMatchObject({ outcome: 'rejected', reason: 'revision-not-found' });
  });

  it('is fetched tells so while that lasts', async () => {
    await plan();

    expect(told).toEqual([`fetching ${push.repository}`, 'making the plan']);
  });

  it('never had it is not planned, whatever the client says', async () => {
    const revision = push.revision;
    repository.git('reset', '--quiet', '--hard', 'main');
    push = { ...push, revision, ...{ replanned: true } };

    expect(await plan()).toMatchObject({ outcome: 'rejected', reason: 'revision-not-found' });
  });
});
