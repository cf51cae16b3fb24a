import { Readable } from 'node:stream';
import type { EndingWait, OnAway, SlipwayApi, StartedPush, StartPush } from '../../client/api.ts';
import { NotFound } from '../../model/errors.ts';
import type { PushDocument } from '../../model/schema/records.ts';

/** The verbs' interface over documents that a test gives; remembers what was started. */
export class FakeApi implements SlipwayApi {
  readonly started: StartPush[] = [];
  readonly logs = new Map<string, string>();
  outcome: StartedPush['outcome'] = 'started';
  /** What a follower sees, one round after the other; the last one stays. */
  rounds: PushDocument[][] = [];
  failure: Error | undefined;
  /** Queues that no worker polls. */
  silent: readonly string[] = [];
  /** Whether the workflow of a push runs. */
  running = true;
  /** The round that is begun. */
  round: number | undefined;
  /** Another ref, which the tasks were decided for. */
  decidedFor: string | undefined;
  /** What machines lack for tasks, by task. */
  lacking: ReadonlyMap<string, string> = new Map();

  start(push: StartPush, _wait?: EndingWait): Promise<StartedPush> {
    if (this.failure) return Promise.reject(this.failure);
    this.started.push(push);
    return Promise.resolve({
      pushId: `push/demo/1/${push.revision}`,
      outcome: this.outcome,
      ...(this.round === undefined ? {} : { round: this.round }),
      ...(this.decidedFor === undefined ? {} : { decidedFor: this.decidedFor }),
      url: 'http://ui/push',
    });
  }

  async *follow(_pushId: string, signal: AbortSignal, _onAway?: OnAway): AsyncIterable<PushDocument> {
    const round = this.rounds.length > 1 ? this.rounds.shift() : this.rounds[0];
    for (const document of round ?? []) yield document;
    if (round?.at(-1)?.resolved !== undefined) return;
    // Nothing more happens until the follower gives up.
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  async *log(taskId: string): AsyncIterable<Buffer> {
    const text = this.logs.get(taskId);
    if (text === undefined) throw new NotFound(`Task ${taskId} has no run`);
    yield Buffer.from(text);
  }

  resolvePush(name = 'push/demo/1/newest'): Promise<string> {
    return Promise.resolve(name);
  }
  resolveTask(name: string): Promise<string> {
    return Promise.resolve(name);
  }
  read(): Promise<PushDocument> {
    return Promise.reject(new NotFound('not part of this fake'));
  }
  list(): ReturnType<SlipwayApi['list']> {
    return Promise.resolve([]);
  }
  documents(): ReturnType<SlipwayApi['documents']> {
    return Promise.resolve([]);
  }
  silentQueues(): Promise<readonly string[]> {
    return Promise.resolve(this.silent);
  }
  heldUp(): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(this.lacking);
  }
  planning(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }
  isRunning(): Promise<boolean> {
    return Promise.resolve(this.running);
  }
  cancel(): Promise<boolean> {
    return Promise.resolve(true);
  }
  cancelInPush(_taskId?: string): Promise<boolean> {
    return Promise.resolve(true);
  }
  rerun(): ReturnType<SlipwayApi['rerun']> {
    return Promise.resolve({ outcome: 'started' });
  }
  task(): ReturnType<SlipwayApi['task']> {
    return Promise.reject(new NotFound('not part of this fake'));
  }
  joinable(): ReturnType<SlipwayApi['joinable']> {
    return Promise.reject(new NotFound('not part of this fake'));
  }
  refreshBase(..._asked: Parameters<SlipwayApi['refreshBase']>): ReturnType<SlipwayApi['refreshBase']> {
    return Promise.reject(new NotFound('not part of this fake'));
  }
  artifacts(): ReturnType<SlipwayApi['artifacts']> {
    return Promise.resolve([]);
  }
  download(): ReturnType<SlipwayApi['download']> {
    return Promise.resolve({ body: Readable.from([]) });
  }
  images(): ReturnType<SlipwayApi['images']> {
    return Promise.resolve([]);
  }
  uiLink(id: string): string | undefined {
    return `http://ui/${id}`;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
