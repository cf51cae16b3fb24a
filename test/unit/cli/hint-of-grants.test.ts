import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeLocalPlan } from '../../../client/cli/make-local-plan.ts';
import { openRevision } from '../../../client/cli/open-revision.ts';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import type { ServerConfig } from '../../../model/schema/config.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { createGitSource } from '../../../source/git-source.ts';
import { planPush } from '../../../steps/plan-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { OpenStore } from '../../../store/open-store.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

const FILE = 'version: 1\ntasks:\n  a: { image: debian, features: { dind: true } }\n';

let scratch: ReturnType<typeof scratchDirectory>;
let repository: GitRepository;
let revision: string;
beforeEach(() => {
  scratch = scratchDirectory();
  repository = new GitRepository(join(scratch.path, 'demo'));
  revision = repository.commit({ 'slipway.yml': FILE });
});
afterEach(() => scratch[Symbol.dispose]());

const signal = new AbortController().signal;
const store = createStore(createMemoryObjectStore());

/** What the record says of a push. */
async function ofPush(config: ServerConfig): Promise<string | undefined> {
  const push = {
    ...{ project: 'demo', level: 1 as const, repository: repository.directory, ref: 'refs/heads/main' },
    ...{ revision, request: {}, pushedBy: 'somebody', received: '2026-01-01T00:00:00.000Z' },
  };
  const source = createGitSource({ mirrorsDirectory: join(scratch.path, 'mirrors'), allowFile: true });
  const planned = await planPush(
    { store, source, config, platform: 'linux/amd64' },
    { push, pushId: pushIdOf(push), unavailableBases: {} },
    { signal, onProgress: () => undefined, isCanceled: () => false },
  );
  return planned.outcome === 'rejected' ? planned.detail : undefined;
}

/** What `slipway plan` finds, where a stack with that configuration runs. */
async function ofPlan(config: ServerConfig): Promise<string | undefined> {
  const env = { SLIPWAY_HOME: join(scratch.path, 'state') };
  const session = { env, signal, terminal: captureTerminal().terminal };
  const opened = await openRevision({ repo: repository.directory, rev: 'HEAD' }, session);
  const found = { store: store as OpenStore, config };
  const made = await makeLocalPlan({}, { opened, found }, session);
  return made.outcome === 'invalid' ? made.findings[0]?.hint : undefined;
}

describe.each([
  ['a push', ofPush],
  ['slipway plan', ofPlan],
])('of what is not granted %s says', (_, say) => {
  it('the line under its project, where the configuration names that', async () => {
    const sources = [{ repository: `file://${repository.directory}`, refs: { '*': 1 } }];
    const config = serverConfigSchema.parse({ version: 1, projects: { demo: { sources } } });

    expect(await say(config)).toContain('"capabilities: {1: [dind]}" under projects.demo in');
  });

  it('the line for all local projects, where it does not', async () => {
    const config = serverConfigSchema.parse({ version: 1 });

    expect(await say(config)).toContain('"localProjects: {capabilities: [dind]}" in slipway.config.yml');
  });
});
