import { describe, expect, it } from '@jest/globals';
import { buildError } from '../../../docker/build/build-error.ts';
import { BuildLog } from '../../../docker/build/build-log.ts';
import { decodeTrace } from '../../../docker/build/trace.ts';
import type { Trace, Vertex } from '../../../docker/build/trace.ts';

const RUN = 'sha256:run';

function vertex(more: Partial<Vertex> = {}): Vertex {
  return {
    digest: RUN,
    name: '[stage-1 2/3] RUN make',
    cached: false,
    startedSeconds: 100,
    error: '',
    ...more,
  };
}

function output(text: string | Buffer, timeSeconds = 101): Partial<Trace> {
  return { logs: [{ vertex: RUN, timeSeconds, bytes: Buffer.from(text) }] };
}

/** A log that was told these traces, and its text. */
function logOf(...traces: readonly Partial<Trace>[]): { log: BuildLog; text: string; steps: string[] } {
  let text = '';
  const steps: string[] = [];
  const log = new BuildLog({ onText: (more) => (text += more), onStep: (name) => steps.push(name) });
  for (const trace of traces) log.add({ vertexes: [], statuses: [], logs: [], warnings: [], ...trace });
  return { log, text, steps };
}

function errorOf(message: string, ...traces: readonly Partial<Trace>[]): Error {
  return buildError({ imageName: 'lint', message, log: logOf(...traces).log, address: 'unix:///e' });
}

describe('the log of a build', () => {
  it('decodes what BuildKit sends', () => {
    // A started vertex, as Engine 20.10 sent it: digest, name, start.
    const bytes = Buffer.concat([
      Buffer.from([0x0a, 0x1c, 0x0a, 0x0a]),
      Buffer.from('sha256:abc'),
      Buffer.from([0x1a, 0x04]),
      Buffer.from('[1/2'),
      Buffer.from([0x2a, 0x08, 0x08, 0x02, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]),
    ]);
    expect(decodeTrace(bytes.toString('base64'))).toEqual({
      vertexes: [{ digest: 'sha256:abc', name: '[1/2', cached: false, startedSeconds: 2.5, error: '' }],
      statuses: [],
      logs: [],
      warnings: [],
    });
  });

  it('shows each step, its lines with their seconds, and how it ended', () => {
    const { text, steps } = logOf({ vertexes: [vertex()] }, output('one\ntw'), output('o\r\nlast', 102.5), {
      vertexes: [vertex({ completedSeconds: 103.25 })],
    });
    expect(text).toBe(
      [
        '#1 [stage-1 2/3] RUN make',
        '#1 1.000 one',
        '#1 2.500 two',
        '#1 3.250 last',
        '#1 DONE 3.3s',
        '',
        '',
      ].join('\n'),
    );
    expect(steps).toEqual(['[stage-1 2/3] RUN make']);
  });

  it('numbers steps as they begin, not as they are announced', () => {
    const waiting = vertex({ digest: 'sha256:later', name: 'later', startedSeconds: undefined });
    const { text } = logOf(
      { vertexes: [waiting] },
      { vertexes: [vertex()] },
      { vertexes: [{ ...waiting, startedSeconds: 1 }] },
    );
    expect(text).toBe('#1 [stage-1 2/3] RUN make\n#2 later\n');
  });

  it('keeps a character whole that came in two pieces', () => {
    const bytes = Buffer.from('ü\n');
    expect(
      logOf({ vertexes: [vertex()] }, output(bytes.subarray(0, 1)), output(bytes.subarray(1))).text,
    ).toContain('#1 1.000 ü\n');
  });

  it('cuts a line without end instead of keeping it in memory', () => {
    const { text } = logOf({ vertexes: [vertex()] }, output('x'.repeat(40_000)));
    expect(text.split('\n').map((line) => line.length)).toEqual([25, 16_384 + 9, 16_384 + 9, 0]);
  });

  it('tells a step once, though its end is sent twice', () => {
    const ended = { vertexes: [vertex({ cached: true, completedSeconds: 100 })] };
    expect(logOf(ended, ended).text).toBe('#1 [stage-1 2/3] RUN make\n#1 CACHED\n\n');
  });

  it('counts steps that do something, and those of them that were cached', () => {
    const { log } = logOf({
      vertexes: [
        vertex({ digest: '1', name: '[internal] load build definition' }),
        vertex({ digest: '2', name: '[1/3] FROM debian:bookworm', cached: true }),
        vertex({ digest: '3', name: '[2/3] RUN one', cached: true }),
        vertex({ digest: '4', name: '[a b 3/3] COPY two /' }),
      ],
    });
    expect(log.counts).toEqual({ steps: 2, cachedSteps: 1 });
  });

  it('counts a step as cached whose layer is fetched only afterwards', () => {
    const { log } = logOf(
      { vertexes: [vertex({ cached: true, completedSeconds: 100 })] },
      { vertexes: [vertex({ startedSeconds: 101 })] },
      { vertexes: [vertex({ startedSeconds: 101, completedSeconds: 102 })] },
    );
    expect(log.counts).toEqual({ steps: 1, cachedSteps: 1 });
  });
});

describe('the error of a build', () => {
  const failed = (error: string, name = '[2/2] RUN make'): Partial<Trace> => ({
    vertexes: [vertex({ name, error, completedSeconds: 102 })],
  });

  it.each([
    'executor failed running [/bin/sh -c make]: exit code: 7',
    'process "/bin/sh -c make" did not complete successfully: exit code: 7',
  ])('has the exit code and the last lines of the failed step: %s', (error) => {
    const cancelled = vertex({ digest: 'other', name: '[1/2] RUN other', error: 'context canceled' });
    expect(errorOf(error, { vertexes: [cancelled] }, output('bad\nworse\n'), failed(error))).toMatchObject({
      type: 'ImageBuildFailed',
      failed: { step: 'RUN make', exitCode: 7, lastLines: ['bad', 'worse'] },
    });
  });

  it('says a step and its exit code once, a long step by its beginning', () => {
    const says = (step: string): string => {
      const error = `executor failed running [/bin/sh -c ${step}]: exit code: 5`;
      return errorOf(error, failed(error, `[2/2] ${step}`)).message;
    };
    expect(says('RUN make')).toBe('Build of image "lint" failed in step "RUN make" with exit code 5');
    expect(says('RUN make\nmake install')).toMatch(/ in step "RUN make …" with exit code 5$/);
    expect(says(`RUN ${'x'.repeat(500)}`)).toMatch(/ in step "RUN x{115}…" with exit code 5$/);
  });

  it("is the author's when a command speaks of a full disk, and the operator's when the engine does", () => {
    const command = 'executor failed running [/bin/sh -c echo no space left on device; false]: exit code: 1';
    expect(errorOf(command, failed(command))).toMatchObject({ type: 'ImageBuildFailed' });
    const engine = 'failed to copy files: write /var/lib/docker/x: no space left on device';
    expect(errorOf(engine, failed(engine, '[2/2] COPY big /'))).toMatchObject({
      type: 'EngineOutOfSpace',
      retryable: true,
    });
  });

  it('may pass when the engine gave up or had no network', () => {
    expect(errorOf('context canceled')).toMatchObject({ type: 'EngineUnavailable', retryable: true });
    const network =
      'executor failed running [/bin/sh -c make]: failed to create endpoint x on network bridge: no bridge';
    expect(errorOf(network, failed(network))).toMatchObject({ type: 'EngineRequestFailed', retryable: true });
  });

  it.each([
    '[internal] load metadata for docker.io/library/nothing:1',
    'FROM docker.io/library/nothing:1',
    'resolve image config for docker-image://docker.io/library/nothing:1',
  ])('names the image that cannot be had: %s', (name) => {
    expect(errorOf('not found', failed('not found', name))).toMatchObject({
      type: 'BaseUnavailable',
      reference: 'docker.io/library/nothing:1',
    });
  });
});
