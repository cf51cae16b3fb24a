import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { createGitSource } from '../../../source/git-source.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Each test runs some dozens of git processes.
jest.setTimeout(120_000);

const FILE = `version: 1
tasks:
  a: { image: debian, when: { changed: ["a/**"] } }
  b: { image: debian, when: { changed: ["b/**"] } }
`;

let scratch: ReturnType<typeof scratchDirectory>;
let repository: GitRepository;
let url: string;
let first: string;
beforeEach(() => {
  scratch = scratchDirectory();
  repository = new GitRepository(`${scratch.path}/repository`);
  url = `file://${repository.directory}`;
  first = repository.commit({ 'slipway.yml': FILE, 'a/1': '1', 'b/1': '1' });
});
afterEach(() => scratch[Symbol.dispose]());

/** Labels of the tasks that a push of a ref's tip runs. */
async function wanted(
  ref: string,
  { before, refs = { main: 1 } }: { readonly before?: string; readonly refs?: Record<string, 1> } = {},
): Promise<string[]> {
  const store = createStore(createMemoryObjectStore());
  const revision = repository.git('rev-parse', ref).trim();
  const push = {
    project: 'demo',
    level: 1 as const,
    repository: url,
    ref: `refs/heads/${ref}`,
    revision,
    request: {},
    pushedBy: 'somebody',
    received: '2026-01-01T00:00:00.000Z',
    ...(before === undefined ? {} : { before }),
  };
  const config = serverConfigSchema.parse({
    version: 1,
    projects: { demo: { sources: [{ repository: url, refs: { ...refs, '*': 1 } }] } },
  });
  const source = createGitSource({ mirrorsDirectory: `${scratch.path}/mirrors`, allowFile: true });
  const input = { push, pushId: pushIdOf(push), unavailableBases: {} };
  const { signal } = new AbortController();
  const planned = await planPush({ store, source, config, platform: 'linux/amd64' }, input, {
    signal,
    onProgress: () => undefined,
    isCanceled: () => false,
  });
  expect(planned.outcome).not.toBe('bases-missing');
  return ((await store.pushes.findPlan(input.pushId))?.tasks ?? []).map(({ label }) => label);
}

describe('when.changed is against', () => {
  it('nothing for the first commit of the first ref: everything has changed', async () => {
    expect(await wanted('main')).toEqual(['a', 'b']);
  });

  it('what the ref was before', async () => {
    repository.commit({ 'b/1': '2' });
    const before = repository.commit({ 'a/1': '2' });
    repository.commit({ 'b/2': '1' });

    expect(await wanted('main', { before })).toEqual(['b']);
    expect(await wanted('main', { before: first })).toEqual(['a', 'b']);
  });

  it('where a new branch left the first ref, whatever that has got since', async () => {
    repository.git('checkout', '--quiet', '-b', 'topic');
    repository.commit({ 'b/1': '2' });
    repository.git('checkout', '--quiet', 'main');
    repository.commit({ 'a/1': '2' });

    expect(await wanted('topic')).toEqual(['b']);
  });

  it('the same where the configuration spells the first ref out, whatever tag has its name', async () => {
    const refs = { 'refs/heads/main': 1 } as const;
    expect(await wanted('main', { refs })).toEqual(['a', 'b']);
    repository.commit({ 'a/1': '2' });
    repository.git('checkout', '--quiet', '-b', 'topic');
    repository.commit({ 'b/1': '2' });
    repository.git('tag', 'main', first);

    expect(await wanted('topic', { refs })).toEqual(['b']);
    expect(await wanted('topic')).toEqual(['b']);
  });

  it('what the ref was before a merge: all that the merge brought', async () => {
    repository.git('checkout', '--quiet', '-b', 'topic');
    repository.commit({ 'b/1': '2' });
    repository.git('checkout', '--quiet', 'main');
    const before = repository.commit({ 'a/1': '2' });
    repository.git('merge', '--quiet', '--no-ff', '-m', 'Merge topic', 'topic');

    expect(await wanted('main', { before })).toEqual(['b']);
  });

  it('what a forced push took away, as long as it is there; else where the branch left the first ref', async () => {
    repository.git('checkout', '--quiet', '-b', 'topic');
    const before = repository.commit({ 'a/1': '2' });
    repository.git('reset', '--quiet', '--hard', 'main');
    repository.commit({ 'b/1': '2' });

    expect(await wanted('topic', { before })).toEqual(['a', 'b']);
    expect(await wanted('topic', { before: '0123456789'.repeat(4) })).toEqual(['b']);
  });
});
