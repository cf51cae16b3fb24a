import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BuildOptions, BuildResult, Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { openBuildContext } from '../../../images/build-context.ts';
import { buildInEngine } from '../../../steps/build-in-engine.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { connectDevEngine, contextOf, testFleet } from '../../helpers/dev-engine.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import { runningProcesses } from '../../helpers/running-processes.ts';

const BASE = 'FROM debian:bookworm';
const TEST_TIMEOUT_MS = 120_000;

describe('an image build', () => {
  const fleet = testFleet();
  const tag = `slipway.invalid/build-test:${fleet}`;
  let engine: Engine;

  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
  });
  afterAll(async () => {
    await engine?.images.remove(tag);
    await engine?.close();
  });

  async function build(
    dockerfile: string,
    more: Partial<BuildOptions> & { files?: Record<string, string> } = {},
  ): Promise<BuildResult & { output: string }> {
    let output = '';
    const result = await engine.images.build(contextOf({ Dockerfile: dockerfile, ...more.files }), {
      imageName: 'unit',
      tag,
      args: {},
      labels: { [LABEL.fleet]: fleet },
      signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
      onOutput: (text) => (output += text),
      ...more,
    });
    return { ...result, output };
  }

  it(
    'gives a tagged image, its log, and what came from the cache the second time',
    async () => {
      const dockerfile = `${BASE}\nARG WORD\nRUN echo "$WORD ${fleet}"; printf unfinished\nCOPY file /\n`;
      const options = { args: { WORD: 'made by' }, files: { file: fleet } };
      const steps: string[] = [];
      const first = await build(dockerfile, { ...options, onProgress: ({ message }) => steps.push(message) });
      const second = await build(dockerfile, options);

      expect(await engine.images.find(tag)).toBe(second.engineImageId);
      expect(first.output).toMatch(new RegExp(`^#\\d+ \\d+\\.\\d+ made by ${fleet}$`, 'm'));
      expect(first.output).toMatch(/^#\d+ \d+\.\d+ unfinished$/m);
      expect(first.output).toMatch(/^#\d+ \[3\/3\] COPY file \/$/m);
      expect(first.output).toMatch(/^#\d+ DONE \d+\.\ds$/m);
      expect(steps).toContain('[3/3] COPY file /');
      expect(first).toMatchObject({ steps: 2, cachedSteps: 0 });
      expect(second).toMatchObject({ steps: 2, cachedSteps: 2 });
      expect(second.output).toMatch(/^#\d+ CACHED$/m);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that fails names the step, its exit code and its last lines',
    async () => {
      const nonce = randomUUID();
      const dockerfile = `${BASE} AS one\nFROM one\nRUN seq 1 100; echo ${nonce}; exit 3`;
      await expect(build(dockerfile)).rejects.toMatchObject({
        type: 'ImageBuildFailed',
        retryable: false,
        imageName: 'unit',
        failed: {
          step: `RUN seq 1 100; echo ${nonce}; exit 3`,
          exitCode: 3,
          lastLines: [...Array.from({ length: 19 }, (_, at) => `${82 + at}`), nonce],
        },
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'of a wrong Dockerfile fails before any step',
    async () => {
      await expect(build(`${BASE}\nRUNN true`)).rejects.toMatchObject({
        type: 'ImageBuildFailed',
        failed: { step: undefined, exitCode: undefined, lastLines: [] },
        message: expect.stringContaining('RUNN'),
      });
    },
    TEST_TIMEOUT_MS,
  );

  it.each([
    ['COPY <<EOF /words\nhello\nEOF\n', 'here-documents'],
    ['COPY --link Dockerfile /\n', 'COPY --link'],
    ['ADD --checksum=sha256:0 https://slipway.invalid/x /\n', 'ADD --checksum'],
    ['COPY Dockerfile /\nHEALTHCHECK --start-interval=1s CMD x\n', 'HEALTHCHECK --start-interval'],
  ])(
    'of what its engine is too old for says so, and what to type: %j',
    async (lines, what) => {
      const { version, platform } = await engine.info();
      const tree = memoryTree({ 'docker/Dockerfile': `FROM scratch\n${lines}` });
      const definition = { imageName: 'unit', context: 'docker', args: {}, hasParent: false, platform };
      const buildContext = await openBuildContext(tree, definition);
      const { contextHash } = buildContext;
      const inputs = { contextHash, args: {}, platform, parent: null, bases: {} };
      const built = buildInEngine(
        engine,
        { name: 'unit', inputs, buildContext },
        {
          ...{ store: createStore(createMemoryObjectStore()), domain: 'demo', level: 1 },
          ...{ tag, parentTag: 'slipway.invalid/parent:none' },
          ...{ onOutput: () => undefined, onProgress: () => undefined },
          signal: AbortSignal.timeout(TEST_TIMEOUT_MS),
        },
      );

      const message = await built.then(
        () => '',
        (error: Error) => error.message,
      );
      const words =
        `; Docker Engine ${version} of the builder knows no ${what}: ` +
        'begin the Dockerfile with "# syntax=docker/dockerfile:1", which it fetches';
      // The newest engines know all of these.
      expect(message.endsWith(words)).toBe(Number.parseInt(version, 10) < 23);
    },
    TEST_TIMEOUT_MS,
  );

  it.each(['FROM scratch', 'FROM scratch\nLABEL a=b\nENV C=d'])(
    'that gives no file at all is refused at once: %j',
    async (dockerfile) => {
      await expect(build(dockerfile)).rejects.toMatchObject({
        type: 'ImageBuildFailed',
        retryable: false,
        message: 'Build of image "unit" failed: it has no files: COPY or RUN something in it',
      });
    },
    TEST_TIMEOUT_MS,
  );

  it.each(['ADD', 'ARG', 'COPY', 'ENV', 'EXPOSE', 'LABEL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'])(
    'of a Dockerfile with nothing behind %s is refused, as a plan is',
    async (keyword) => {
      await expect(build(`${BASE}\n${keyword}\n`)).rejects.toMatchObject({
        type: 'ImageBuildFailed',
        retryable: false,
        failed: { step: undefined },
      });
    },
    TEST_TIMEOUT_MS,
  );

  it.each(['FROM debian:bookworm base', 'FROM Debian:bookworm', `${BASE} # new`, `${BASE}\nCOPY Dockerfile`])(
    'of %j is refused, as a plan is',
    async (dockerfile) => {
      await expect(build(dockerfile)).rejects.toMatchObject({
        type: 'ImageBuildFailed',
        retryable: false,
        failed: { step: undefined },
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'on a base that is nowhere says which',
    async () => {
      await expect(build('FROM slipway.invalid/nothing:1')).rejects.toMatchObject({
        type: 'BaseUnavailable',
        reference: 'slipway.invalid/nothing:1',
      });
      await expect(build(`${BASE}\nCOPY --from=slipway.invalid/other:2 / /`)).rejects.toMatchObject({
        type: 'BaseUnavailable',
        reference: 'slipway.invalid/other:2',
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'that is cancelled ends in the engine too',
    async () => {
      const seconds = 100_000 + Math.floor(Math.random() * 800_000);
      const reason = new Error('nobody wants it');
      const abort = new AbortController();
      let began: () => void = () => undefined;
      const running = new Promise<void>((resolve) => (began = resolve));
      const onOutput = (text: string): void => {
        if (text.includes('it runs') && !text.includes('RUN')) began();
      };
      const built = build(`${BASE}\nRUN echo "it runs"; sleep ${seconds}`, {
        signal: abort.signal,
        onOutput,
      });
      await running;
      expect(await processes(`sleep ${seconds}`)).toBe(1);
      abort.abort(reason);
      await expect(built).rejects.toBe(reason);
      while ((await processes(`sleep ${seconds}`)) > 0) await delay(50);
    },
    TEST_TIMEOUT_MS,
  );
});

/** How many processes of this machine have exactly that command line. */
async function processes(command: string): Promise<number> {
  const lines = (await runningProcesses()).split('\n');
  return lines.filter((line) => line === command).length;
}
