import { StringDecoder } from 'node:string_decoder';
import type { Trace, Vertex, VertexLog, VertexStatus } from './trace.ts';

const LAST_LINES = 20;
/** A longer line is cut into several. */
const LINE_MAX_LENGTH = 16_384;
const NUMBERED_STEP = /^\[(?:.* )?\d+\/\d+\] /;

interface Step {
  /** Given when it is first told of, so that numbers rise as the log goes on. */
  number?: number;
  vertex: Vertex;
  announced: boolean;
  /** Told once: a step whose layer is fetched afterwards begins and ends again, as if it were carried out. */
  cached: boolean;
  finished: boolean;
  readonly decoder: StringDecoder;
  unfinishedLine: string;
  readonly lastLines: string[];
}

export interface BuildLogOptions {
  /** Receives whole lines, as `docker build --progress=plain` shows them. */
  readonly onText: (text: string) => void;
  /** Receives the name of each step that begins, without BuildKit's own errands. */
  readonly onStep: (name: string) => void;
}

/** Turns BuildKit's trace into text for people and remembers what a verdict needs: steps, cached steps, the failed one. */
export class BuildLog {
  readonly #options: BuildLogOptions;
  readonly #steps = new Map<string, Step>();
  readonly #doneStatuses = new Set<string>();
  #numbers = 0;

  constructor(options: BuildLogOptions) {
    this.#options = options;
  }

  add(trace: Trace): void {
    // A step's output may come in the same message as its end, so ends are told last.
    for (const vertex of trace.vertexes) this.#begin(vertex);
    for (const status of trace.statuses) this.#status(status);
    for (const log of trace.logs) this.#log(log);
    for (const { vertex, text } of trace.warnings) this.#line(this.#stepOf(vertex), `WARNING: ${text}`);
    for (const vertex of trace.vertexes) this.#end(vertex);
  }

  /** Steps of the Dockerfile that do something; `FROM` lines do not count. */
  get counts(): { readonly steps: number; readonly cachedSteps: number } {
    const steps = [...this.#steps.values()].filter(
      ({ vertex }) => NUMBERED_STEP.test(vertex.name) && !instructionOf(vertex.name).startsWith('FROM '),
    );
    return { steps: steps.length, cachedSteps: steps.filter(({ cached }) => cached).length };
  }

  /** The step that broke the build; those that were cancelled because of it are passed over. */
  get failed():
    { readonly name: string; readonly error: string; readonly lastLines: readonly string[] } | undefined {
    const step = [...this.#steps.values()].find(({ vertex }) => vertex.error && !isCancel(vertex.error));
    return step && { name: step.vertex.name, error: step.vertex.error, lastLines: step.lastLines };
  }

  #begin(vertex: Vertex): void {
    const step = this.#stepOf(vertex.digest);
    step.vertex = vertex;
    step.cached ||= vertex.cached;
    if (step.announced || vertex.startedSeconds === undefined) return;
    step.announced = true;
    if (!isInternal(vertex.name)) this.#options.onStep(vertex.name);
    this.#line(step, vertex.name);
  }

  #end(vertex: Vertex): void {
    const step = this.#stepOf(vertex.digest);
    if (vertex.completedSeconds === undefined) {
      step.finished = false;
      return;
    }
    if (step.finished) return;
    step.finished = true;
    this.#flush(step);
    this.#line(step, `${endOf(vertex)}\n`);
  }

  #status({ vertex, id, name, startedSeconds, completedSeconds }: VertexStatus): void {
    const key = `${vertex}/${id}`;
    if (completedSeconds === undefined || this.#doneStatuses.has(key)) return;
    this.#doneStatuses.add(key);
    this.#line(this.#stepOf(vertex), `${name || id} ${duration(startedSeconds, completedSeconds)}done`);
  }

  #log({ vertex, bytes, timeSeconds }: VertexLog): void {
    const step = this.#stepOf(vertex);
    const lines = (step.unfinishedLine + step.decoder.write(bytes)).split(/\r?\n/);
    step.unfinishedLine = lines.pop() ?? '';
    for (const line of lines) this.#output(step, line, timeSeconds);
    while (step.unfinishedLine.length > LINE_MAX_LENGTH) {
      this.#output(step, step.unfinishedLine.slice(0, LINE_MAX_LENGTH), timeSeconds);
      step.unfinishedLine = step.unfinishedLine.slice(LINE_MAX_LENGTH);
    }
  }

  #flush(step: Step): void {
    const line = step.unfinishedLine + step.decoder.end();
    step.unfinishedLine = '';
    if (line) this.#output(step, line, step.vertex.completedSeconds);
  }

  #output(step: Step, line: string, timeSeconds: number | undefined): void {
    step.lastLines.push(line.length > LINE_MAX_LENGTH ? `${line.slice(0, LINE_MAX_LENGTH)}…` : line);
    if (step.lastLines.length > LAST_LINES) step.lastLines.shift();
    const { startedSeconds } = step.vertex;
    const at =
      startedSeconds === undefined || timeSeconds === undefined
        ? 0
        : Math.max(0, timeSeconds - startedSeconds);
    this.#line(step, `${at.toFixed(3)} ${line}`);
  }

  #line(step: Step, text: string): void {
    step.number ??= ++this.#numbers;
    this.#options.onText(`#${step.number} ${text}\n`);
  }

  #stepOf(digest: string): Step {
    const known = this.#steps.get(digest);
    if (known) return known;
    const step: Step = {
      vertex: { digest, name: '', cached: false, error: '' },
      announced: false,
      cached: false,
      finished: false,
      decoder: new StringDecoder('utf8'),
      unfinishedLine: '',
      lastLines: [],
    };
    this.#steps.set(digest, step);
    return step;
  }
}

/** `[stage-1 2/4] RUN make` → `RUN make`. */
export function instructionOf(vertexName: string): string {
  return vertexName.replace(NUMBERED_STEP, '');
}

/** Whether BuildKit says that work was given up, not that it went wrong. */
export function isCancel(error: string): boolean {
  return /context canceled$/.test(error.trim());
}

/** BuildKit's own errands, of no interest in one line of progress. */
function isInternal(vertexName: string): boolean {
  return vertexName.startsWith('[internal]') || vertexName === 'copy /context /';
}

function endOf(vertex: Vertex): string {
  if (vertex.error) return isCancel(vertex.error) ? 'CANCELED' : `ERROR: ${vertex.error}`;
  if (vertex.cached) return 'CACHED';
  return `DONE ${duration(vertex.startedSeconds, vertex.completedSeconds).trim() || '0.0s'}`;
}

function duration(startSeconds: number | undefined, endSeconds: number | undefined): string {
  if (startSeconds === undefined || endSeconds === undefined) return '';
  return `${(endSeconds - startSeconds).toFixed(1)}s `;
}
