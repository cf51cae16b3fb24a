import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Random } from '../../chaos/random.ts';
import { checkOutTrees } from '../../helpers/checked-out-trees.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { GOLDEN } from '../../helpers/golden-contexts.ts';
import { hashByTaskgraph } from '../../helpers/hash-by-taskgraph.ts';
import type { TaskgraphAnswer } from '../../helpers/hash-by-taskgraph.ts';
import { ensureTaskgraph } from '../../helpers/taskgraph.ts';
import type { ContextCase } from './context-case.ts';
import { DIFFERING_CONTEXTS } from './differing-contexts.ts';
import { hashBySlipway } from './hash-by-slipway.ts';
import type { SlipwayAnswer } from './hash-by-slipway.ts';
import { ODD_CONTEXTS } from './odd-contexts.ts';
import { randomContext } from './random-context.ts';
import { REFUSED_CONTEXTS } from './refused-contexts.ts';

// The first time taskgraph is installed.
jest.setTimeout(600_000);

const SEED = Number(process.env['SLIPWAY_TEST_SEED'] ?? 24);
const TREES = Number(process.env['SLIPWAY_TEST_TREES'] ?? 100);
const AT_ONCE = 4;

const random = new Random(SEED);
const RANDOM_CONTEXTS = Array.from({ length: TREES }, (_, at) =>
  randomContext(random, `tree ${at} of seed ${SEED}`),
);
const CASES: readonly ContextCase[] = [
  ...GOLDEN,
  ...ODD_CONTEXTS,
  ...REFUSED_CONTEXTS,
  ...DIFFERING_CONTEXTS,
  ...RANDOM_CONTEXTS,
];

interface Answers {
  readonly taskgraph: TaskgraphAnswer;
  readonly slipway: SlipwayAnswer;
}

const scratch = scratchDirectory();
let answers: ReadonlyMap<ContextCase, Answers>;

beforeAll(async () => {
  const signal = AbortSignal.timeout(500_000);
  const python = await ensureTaskgraph(process.env, signal);
  const named = CASES.map((asked, at) => [asked.checkout ?? `t${at}`, asked] as const);
  const repository = new GitRepository(`${scratch.path}/trees`);
  const trees = checkOutTrees(repository, new Map(named.map(([name, { files }]) => [name, files])));
  const asked = named.map(([name, one]) => ({ one, at: trees.get(name)! }));
  for (const { one, at } of asked) one.onDisk?.(at.directory);
  const [theirs, ours] = await Promise.all([
    hashByTaskgraph(
      python,
      asked.map(({ one, at }) => ({
        directory: at.directory,
        context: one.context ?? 'ctx',
        args: argsOf(one),
      })),
    ),
    inTurns(asked, ({ one, at }) => hashBySlipway(at.tree, one)),
  ]);
  answers = new Map(asked.map(({ one }, at) => [one, { taskgraph: theirs[at]!, slipway: ours[at]! }]));
});
afterAll(() => scratch[Symbol.dispose]());

/** As taskgraph wants them: it does not know of parents here. */
function argsOf({ args = {}, hasParent = false }: ContextCase): Readonly<Record<string, string>> {
  return hasParent ? { ...args, DOCKER_IMAGE_PARENT: 'PARENT' } : args;
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const turn = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
  return results;
}

function answersTo(asked: ContextCase): Answers {
  const found = answers.get(asked);
  if (!found) throw new Error(`Nobody was asked about ${asked.name}`);
  return found;
}

/** A file, a place in it, what is wrong there, and what to do. */
const FINDING = /^(ctx|slipway\.yml)[^:]*:\d+:\d+: .+; .+/s;
const HASH = { contextHash: expect.stringMatching(/^[0-9a-f]{64}$/) };

describe('The context hash is taskgraph’s', () => {
  it.each(ODD_CONTEXTS)('for $name', (asked) => {
    const { taskgraph, slipway } = answersTo(asked);

    expect(taskgraph).toEqual(HASH);
    expect(slipway).toEqual(taskgraph);
  });

  it.each(GOLDEN)('for $name, and that is the golden one', (asked) => {
    const { taskgraph, slipway } = answersTo(asked);

    expect(taskgraph).toEqual({ contextHash: asked.contextHash });
    expect(slipway).toEqual(taskgraph);
  });

  it(`for ${TREES} trees that a seed decides, and what it refuses is refused with a place and what to do`, () => {
    const found = RANDOM_CONTEXTS.map((asked) => ({ asked, ...answersTo(asked) }));
    const refused = found.filter(({ taskgraph }) => 'refused' in taskgraph);
    const wrong = found.filter(({ taskgraph, slipway }) =>
      'refused' in taskgraph
        ? !('findings' in slipway) || !slipway.findings.every((finding) => FINDING.test(finding))
        : !('contextHash' in slipway) || slipway.contextHash !== taskgraph.contextHash,
    );

    expect(wrong).toEqual([]);
    // Many of both, and hardly two alike.
    expect(refused.length).toBeGreaterThan(TREES / 10);
    const hashes = new Set(
      found.flatMap(({ taskgraph }) => ('contextHash' in taskgraph ? [taskgraph.contextHash] : [])),
    );
    expect(hashes.size).toBeGreaterThan(TREES / 2);
  });
});

describe('What taskgraph refuses is refused, with its place and what to do', () => {
  it.each(REFUSED_CONTEXTS)('$name', (asked) => {
    const { taskgraph, slipway } = answersTo(asked);

    expect(taskgraph).toEqual({ refused: expect.any(String) });
    expect(slipway).toEqual({ findings: [asked.says] });
    expect(asked.says).toMatch(FINDING);
  });
});

describe('It is known that we differ', () => {
  it.each(DIFFERING_CONTEXTS)('in $name: $because', (asked) => {
    const { taskgraph, slipway } = answersTo(asked);

    expect(taskgraph).toEqual(asked.taskgraph === 'hashes' ? HASH : { refused: expect.any(String) });
    if (asked.slipway === 'hashes') {
      expect(slipway).toEqual(HASH);
      expect(slipway).not.toEqual(taskgraph);
    } else {
      expect(slipway).toEqual({ findings: [expect.stringContaining(asked.slipway.says)] });
      expect('findings' in slipway && slipway.findings[0]).toMatch(FINDING);
    }
  });
});
