import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ChaosPush, PushKind } from './schedule.ts';

const exec = promisify(execFile);

/** How a push has to end, whatever befell the machines meanwhile. */
export interface Expected {
  /** One of these; several only where a cancel races with the end. */
  readonly push: readonly string[];
  /** `state/reason` by label; undefined when it depends on when a cancel came. */
  readonly tasks: Readonly<Record<string, string>> | undefined;
  /** Lines that a task's log must have, each once and in this order, by label. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  /** Bytes of artifacts, by label and name. */
  readonly artifacts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** How many runs a task has at least, by label. */
  readonly runs: Readonly<Record<string, number>>;
}

export interface Commit {
  readonly revision: string;
  readonly expected: Expected;
}

/** Infrastructure is what fails here, often: nothing may be lost for want of another try. */
const RETRIES = 40;

/** A repository whose every commit is one push of a kind, with what has to come of it. */
export class ChaosRepository {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(path: string): Promise<ChaosRepository> {
    await mkdir(path, { recursive: true });
    const repository = new ChaosRepository(path);
    await repository.#git('init', '--quiet', '--initial-branch', 'main');
    return repository;
  }

  async commit(push: ChaosPush): Promise<Commit> {
    const { files, expected } = contentOf(push);
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.path, name)), { recursive: true });
      await writeFile(join(this.path, name), text);
    }
    await this.#git('add', '--all');
    await this.#git('commit', '--quiet', '--allow-empty', '--message', `${push.kind} ${push.salt}`);
    return { revision: await this.#git('rev-parse', 'HEAD'), expected };
  }

  async #git(...args: string[]): Promise<string> {
    const identity = ['-c', 'user.name=Chaos', '-c', 'user.email=chaos@example.invalid'];
    return (await exec('git', ['-C', this.path, ...identity, ...args])).stdout.trim();
  }
}

const BASE = 'FROM debian:bookworm\nRUN echo base > /base\n';
const KEEPING = 'RUN --mount=type=cache,target=/keep';

function contentOf({ kind, salt }: ChaosPush): { files: Record<string, string>; expected: Expected } {
  const salted: Partial<Record<PushKind, string>> = {
    'new image': `RUN echo ${salt} > /salt\n`,
    'cache mount': `${KEEPING} echo ${salt} >> /keep/all; tail -n 1 /keep/all > /salt\n`,
  };
  const base = BASE + (salted[kind] ?? '');
  const child = `ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nRUN echo ${kind === 'new child image' ? salt : 'child'} > /child${kind === 'failing build' ? `; echo ${salt}; exit 3` : ''}\n`;
  const inChild = { image: { 'in-tree': 'child' }, checkout: false, retries: RETRIES };
  const inBase = { image: { 'in-tree': 'base' }, checkout: false, retries: RETRIES };
  const images = { base: { context: 'base' }, child: { context: 'child', parent: 'base' } };
  const good = 'completed/completed';
  const counting = (lines: number): string =>
    `i=0; while [ $i -lt ${lines} ]; do echo "line $i of ${salt}"; i=$((i+1)); sleep 0.5; done`;
  const counted = (lines: number): string[] =>
    Array.from({ length: lines }, (_, i) => `line ${i} of ${salt}`);
  const out = (text: string): string => `echo ${text} > /out.txt`;
  const artifacts = { 'public/out.txt': { type: 'file', path: '/out.txt' } };

  switch (kind) {
    case 'broken configuration':
      return {
        files: { 'slipway.yml': 'version: 1\ntasks: { t: { imagee: debian:bookworm } }\n' },
        expected: expectation(['exception/malformed-plan'], {}),
      };
    case 'failing task':
      return tree(
        {
          bad: { ...inBase, command: `echo line of ${salt}; exit 7` },
          after: { ...inBase, dependencies: ['bad'], command: 'true' },
        },
        expectation(
          ['failed/failed'],
          { bad: 'failed/failed', after: 'exception/dependency-failed' },
          { lines: { bad: [`line of ${salt}`] } },
        ),
      );
    case 'rerun':
      return tree(
        {
          bad: { ...inBase, command: `echo line of ${salt}; exit 7` },
          apart: { ...inBase, command: 'true' },
        },
        expectation(
          ['failed/failed'],
          { bad: 'failed/failed', apart: good },
          { lines: { bad: [`line of ${salt}`] }, runs: { bad: 2, apart: 1 } },
        ),
      );
    case 'decision program': {
      const decided = { ...inBase, command: `echo decided ${salt}` };
      const files = tree(
        { fixed: { ...inBase, dependencies: ['decided'], command: 'true' } },
        expectation(
          ['completed/completed'],
          { decision: good, decided: good, fixed: good },
          { lines: { decided: [`decided ${salt}`] } },
        ),
        { decision: { image: { 'in-tree': 'base' }, command: ['cat', '/src/tasks.json'] } },
      );
      return { ...files, files: { ...files.files, 'tasks.json': JSON.stringify({ tasks: { decided } }) } };
    }
    case 'cache': {
      // Whatever else is in it, what a run writes it reads.
      const command = `echo ${salt} >> /kept/all && tail -n 1 /kept/all`;
      const cached = { ...inBase, cache: { kept: '/kept' }, command };
      return tree(
        { one: cached, two: cached },
        expectation(
          ['completed/completed'],
          { one: good, two: good },
          { lines: { one: [String(salt)], two: [String(salt)] } },
        ),
      );
    }
    case 'cache mount':
      return tree(
        { t: { ...inBase, command: 'cat /salt' } },
        expectation(['completed/completed'], { t: good }, { lines: { t: [String(salt)] } }),
      );
    case 'failing build':
      return tree(
        { t: { ...inChild, command: 'true' }, apart: { ...inBase, command: `echo line of ${salt}` } },
        expectation(
          ['failed/failed'],
          { t: 'exception/image-build-failed', apart: good },
          { lines: { apart: [`line of ${salt}`] } },
        ),
      );
    case 'missing artifact':
      return tree(
        { t: { ...inBase, command: 'true', artifacts } },
        expectation(['failed/failed'], { t: 'failed/artifact-missing' }),
      );
    case 'artifact handed on':
      return tree(
        {
          make: { ...inBase, command: out(`made ${salt}`), artifacts },
          take: {
            ...inChild,
            dependencies: ['make'],
            inputs: { '/in.txt': { task: 'make', artifact: 'public/out.txt' } },
            command: 'cat /in.txt; cp /in.txt /out.txt',
            artifacts,
          },
        },
        expectation(
          ['completed/completed'],
          { make: good, take: good },
          {
            lines: { take: [`made ${salt}`] },
            artifacts: {
              make: { 'public/out.txt': `made ${salt}\n` },
              take: { 'public/out.txt': `made ${salt}\n` },
            },
          },
        ),
      );
    case 'many tasks': {
      const labels = Array.from({ length: 8 }, (_, i) => `many/${i}`);
      return tree(
        Object.fromEntries(
          labels.map((label) => [label, { ...inBase, command: `echo ${label} of ${salt}` }]),
        ),
        expectation(['completed/completed'], Object.fromEntries(labels.map((label) => [label, good])), {
          lines: Object.fromEntries(labels.map((label) => [label, [`${label} of ${salt}`]])),
        }),
      );
    }
    case 'canceled':
      return tree(
        {
          long: { ...inBase, command: counting(120) },
          after: { ...inBase, dependencies: ['long'], command: 'true' },
        },
        {
          ...expectation(['exception/canceled', 'completed/completed', 'failed/failed'], {}),
          tasks: undefined,
        },
      );
    case 'long task':
      return tree(
        { long: { ...inBase, command: `${counting(40)}; ${out(String(salt))}`, artifacts } },
        expectation(
          ['completed/completed'],
          { long: good },
          {
            lines: { long: counted(40) },
            artifacts: { long: { 'public/out.txt': `${salt}\n` } },
          },
        ),
      );
    case 'new image':
    case 'new child image':
    case 'known images':
      return tree(
        { b: { ...inBase, command: counting(2) }, c: { ...inChild, command: 'cat /base /child' } },
        expectation(
          ['completed/completed'],
          { b: good, c: good },
          {
            lines: { b: counted(2), c: ['base', kind === 'new child image' ? String(salt) : 'child'] },
          },
        ),
      );
  }

  function tree(
    tasks: Readonly<Record<string, unknown>>,
    expected: Expected,
    more: Readonly<Record<string, unknown>> = {},
  ): { files: Record<string, string>; expected: Expected } {
    // JSON is YAML.
    const files = {
      'base/Dockerfile': base,
      'child/Dockerfile': child,
      'slipway.yml': JSON.stringify({ version: 1, images, tasks, ...more }),
    };
    return { files, expected };
  }
}

function expectation(
  push: readonly string[],
  tasks: Readonly<Record<string, string>>,
  more: Partial<Pick<Expected, 'lines' | 'artifacts' | 'runs'>> = {},
): Expected {
  return { push, tasks, lines: {}, artifacts: {}, runs: {}, ...more };
}
