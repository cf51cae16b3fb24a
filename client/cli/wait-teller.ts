import { isResolved } from '../../model/pure/states.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import type { SlipwayApi } from '../api.ts';
import { findHeldUp, findPlanning, findWaits, queuesOf, waitText } from './find-waits.ts';

/** Tells what a push that somebody watches waits for, each thing once. */
export class WaitTeller {
  readonly #api: Pick<SlipwayApi, 'silentQueues' | 'heldUp' | 'planning'>;
  readonly #say: (line: string) => void;
  readonly #asked = new Set<string>();
  readonly #told = new Set<string>();

  constructor(api: Pick<SlipwayApi, 'silentQueues' | 'heldUp' | 'planning'>, say: (line: string) => void) {
    this.#api = api;
    this.#say = say;
  }

  /** To be called when the push has changed: tells which queues nobody polls that it has something in for the first time. */
  async change(document: PushDocument): Promise<void> {
    await this.#tellSilent(document, this.#asked);
    for (const queue of queuesOf(document)) this.#asked.add(queue);
  }

  /** To be called now and then while nothing changes: planning the push takes long, nobody does, or its tasks are refused. */
  async look(document: PushDocument): Promise<void> {
    if (isResolved(document.state)) return;
    if (document.decisionMs === undefined) return this.#lookAtPlanning(document);
    for (const [label, lacking] of await findHeldUp(this.#api, document))
      this.#tellOnce(label, `${label} waits: ${lacking}`);
  }

  async #lookAtPlanning(document: PushDocument): Promise<void> {
    await this.#tellSilent(document, this.#told);
    const planning = await findPlanning(this.#api, document);
    if (planning !== undefined) this.#tellOnce(planning, `it is being planned: ${planning}`);
  }

  async #tellSilent(document: PushDocument, but: ReadonlySet<string>): Promise<void> {
    for (const queue of await findWaits(this.#api, document, but))
      this.#tellOnce(queue, `${waitText(queue)}, so that it waits; what runs: slipway doctor`);
  }

  #tellOnce(what: string, line: string): void {
    if (!this.#told.has(what)) this.#say(line);
    this.#told.add(what);
  }
}
