import { describe, expect, it } from '@jest/globals';
import { cancelNamed } from '../../../client/cli/cancel-named.ts';
import { UsageError } from '../../../client/cli/usage-error.ts';
import { AmbiguousName } from '../../../client/ambiguous-name.ts';
import { resolvePushName, resolveTaskName } from '../../../client/names.ts';
import { NotPlanned } from '../../../client/not-planned.ts';
import { NotFound, StoreUnavailable } from '../../../model/errors.ts';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import type { PushDocument, TaskRecord } from '../../../model/schema/records.ts';
import { receivePush } from '../../../steps/receive-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { FakeApi } from '../../helpers/fake-api.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const PUSH = aPush().id;
const UNIT = aTask().taskId;
const IMAGE = anImage().taskId;
const RESOLVED = '2026-01-02T03:05:00.000Z';

/** Workflows that run, and records. */
class CancelApi extends FakeApi {
  readonly asked: string[] = [];
  readonly runningIds: readonly string[];
  readonly #push: PushDocument | undefined;

  constructor(runningIds: readonly string[], push?: PushDocument) {
    super();
    this.runningIds = runningIds;
    this.#push = push;
  }

  override isRunning(id = ''): Promise<boolean> {
    return Promise.resolve(this.runningIds.includes(id));
  }
  override cancel(id = ''): Promise<boolean> {
    if (this.runningIds.includes(id)) this.asked.push(id);
    return this.isRunning(id);
  }
  override cancelInPush(id = ''): Promise<boolean> {
    this.asked.push(`${id} in its push`);
    return Promise.resolve(true);
  }
  override read(): Promise<PushDocument> {
    return this.#push ? Promise.resolve(this.#push) : Promise.reject(new NotFound('No push'));
  }
  override task(id = ''): Promise<TaskRecord> {
    const runs: TaskRecord['runs'] = [];
    return Promise.resolve({
      version: 1,
      taskId: id,
      label: 'x',
      state: 'completed',
      created: RESOLVED,
      runs,
    });
  }
}

const resolved = aPush({
  state: 'completed',
  reason: 'completed',
  decisionMs: 1,
  resolved: RESOLVED,
  tasks: [aTask({ state: 'completed' })],
});

describe('cancel', () => {
  it('asks whatever runs, also when its record is that of a round or run before', async () => {
    const api = new CancelApi([PUSH, IMAGE, UNIT], resolved);

    for (const id of [PUSH, IMAGE, UNIT]) expect(await cancelNamed(api, id)).toBe(`${id} is asked to cancel`);

    expect(api.asked).toEqual([PUSH, IMAGE, `${UNIT} in its push`, UNIT]);
  });

  it('says of what has ended that it is resolved', async () => {
    const api = new CancelApi([], resolved);

    for (const id of [PUSH, IMAGE, UNIT])
      expect(await cancelNamed(api, id)).toBe(`${id} is resolved already`);
  });

  it('says so of a task of a push that goes on', async () => {
    const api = new CancelApi([PUSH], aPush({ decisionMs: 1, tasks: [aTask({ state: 'failed' })] }));

    expect(await cancelNamed(api, UNIT)).toBe(`${UNIT} is resolved already`);
  });

  it.each([
    ['waits for the first time, or was set back', aPush({ decisionMs: 1, tasks: [aTask()] })],
    ['waits for a runner', aPush({ decisionMs: 1, tasks: [aTask({ state: 'pending' })] })],
    ['has ended in a round before the one that is planned', resolved],
  ])('asks the push to end a task that %s', async (_what, push) => {
    const api = new CancelApi([PUSH], push);

    expect(await cancelNamed(api, UNIT)).toBe(
      `${UNIT} has not begun, and its push is asked to end it as canceled`,
    );
    expect(api.asked).toEqual([`${UNIT} in its push`]);
  });

  it.each([
    ['is not planned', aPush()],
    [
      'is to print its tasks',
      aPush({ decisionMs: 1, tasks: [aTask({ label: 'decision', state: 'running' })] }),
    ],
  ])('refuses a task of a push that %s, and names the push', async (_what, push) => {
    const cancelled = cancelNamed(new CancelApi([PUSH], push), UNIT);

    await expect(cancelled).rejects.toThrow(UsageError);
    await expect(cancelled).rejects.toThrow(
      `${PUSH} is not planned yet; it can be cancelled: slipway cancel ${PUSH}`,
    );
  });

  it('does not say that something is resolved whose end is not recorded', async () => {
    const push = aPush({ decisionMs: 1, tasks: [aTask({ state: 'running' })] });

    expect(await cancelNamed(new CancelApi([], push), PUSH)).toContain('does not run any more');
    expect(await cancelNamed(new CancelApi([PUSH], push), UNIT)).toContain('does not run any more');
  });

  it('says that a name stands for several pushes, as status does, where no task is named so', async () => {
    const api = new CancelApi([PUSH, UNIT]);
    api.resolvePush = () => Promise.reject(new AmbiguousName('1a2b', [PUSH, `${PUSH}0`]));
    api.resolveTask = (name) =>
      name === 'unit' ? Promise.resolve(UNIT) : Promise.reject(new NotFound(`No task "${name}"`));

    await expect(cancelNamed(api, '1a2b')).rejects.toThrow(`"1a2b" names several pushes: ${PUSH}, ${PUSH}0`);
    expect(await cancelNamed(api, 'unit')).toBe(`${UNIT} is asked to cancel`);
  });

  it('takes a word for a label of the push that is meant, before it is the beginning of another push', async () => {
    const store = createStore(createMemoryObjectStore());
    const of = async (project: string, revision: string): Promise<string> => {
      const push = aPushInput({ project, revision });
      const pushId = idOf(push);
      await receivePush(store, { push, pushId }, project);
      return pushId;
    };
    const tests = await of('unit-tests', 'b'.repeat(40));
    const other = await of('other', 'cafe'.padEnd(40, '0'));
    await of('demo', aPush().revision);
    const tasks = ['unit', 'cafe', 'unit-tests/1/b'].map((label) => aTask({ label }));
    await store.pushes.writeStatus(aPush({ decisionMs: 1, tasks }));
    const api = new CancelApi([tests, other, ...tasks.map(({ taskId }) => taskId)]);
    api.resolvePush = (name) => resolvePushName(store, name);
    api.resolveTask = (name) =>
      resolveTaskName(store, name, undefined, {
        ownProjects: () => Promise.resolve([{ project: 'demo', isKnown: true }]),
      });

    for (const { label, taskId } of tasks)
      expect(await cancelNamed(api, label)).toBe(`${taskId} is asked to cancel`);
    for (const name of ['cafe0', 'other/1/'])
      expect(await cancelNamed(api, name)).toBe(`${other} is asked to cancel`);
    await expect(cancelNamed(api, 'unit-')).rejects.toThrow('No push and no task');
    expect(api.asked).not.toContain(tests);
  });

  it('refuses the empty word, which a script may have by mistake', async () => {
    await expect(cancelNamed(new CancelApi([PUSH]), '')).rejects.toThrow(UsageError);
  });

  it('says of a label that its push is not planned, and names that', async () => {
    const api = new CancelApi([PUSH]);
    api.resolvePush = () => Promise.reject(new NotFound('No push'));
    api.resolveTask = () => Promise.reject(new NotPlanned(PUSH));

    for (const push of [undefined, PUSH])
      await expect(cancelNamed(api, 'unit', push)).rejects.toThrow(
        `${PUSH} is not planned yet; it can be cancelled: slipway cancel ${PUSH}`,
      );

    api.resolvePush = () => Promise.resolve(PUSH);
    expect(await cancelNamed(api, '0123')).toBe(`${PUSH} is asked to cancel`);
  });

  it('says that there is neither only where that is known', async () => {
    const api = new CancelApi([]);
    api.resolvePush = () => Promise.reject(new NotFound('No push'));
    api.resolveTask = () => Promise.reject(new NotFound('No task'));
    await expect(cancelNamed(api, 'x')).rejects.toThrow(
      'No push and no task of the newest push is named "x". No task',
    );

    api.resolveTask = () => Promise.reject(new StoreUnavailable('GetObject', 'b', 'k', 'it is away'));
    await expect(cancelNamed(api, 'x')).rejects.toThrow('it is away');
  });

  it('does not know a task that its push does not have', async () => {
    const push = aPush({ decisionMs: 1, tasks: [aTask({ label: 'other' })] });

    await expect(cancelNamed(new CancelApi([PUSH], push), UNIT)).rejects.toThrow('has no task "unit"');
    await expect(cancelNamed(new CancelApi([]), UNIT)).rejects.toThrow('No push');
  });
});
