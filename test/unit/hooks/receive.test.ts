import { describe, expect, it } from '@jest/globals';
import { splitPatterns } from '../../../client/cli/options.ts';
import { parsePushOptions } from '../../../client/hooks/push-options.ts';
import { parseReceiveLines } from '../../../client/hooks/receive-lines.ts';
import type { ReceiveOptions } from '../../../client/hooks/receive.ts';
import { receive } from '../../../client/hooks/receive.ts';
import { ProjectNotFound, PushEnding, StoreUnavailable, TemporalUnavailable } from '../../../model/errors.ts';
import { FakeApi } from '../../helpers/fake-api.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';

const OLD = 'a'.repeat(40);
const NEW = 'b'.repeat(40);
const ZERO = '0'.repeat(40);

describe('parseReceiveLines', () => {
  it('reads what git hands to the hook, with zeros for what is not there', () => {
    const text = `${OLD} ${NEW} refs/heads/main\n${ZERO} ${NEW} refs/heads/new\n${OLD} ${ZERO} refs/heads/gone\n`;
    expect(parseReceiveLines(text)).toEqual([
      { before: OLD, revision: NEW, ref: 'refs/heads/main' },
      { before: undefined, revision: NEW, ref: 'refs/heads/new' },
      { before: OLD, revision: undefined, ref: 'refs/heads/gone' },
    ]);
  });

  it('reads ids of sha-256 repositories and leaves out what is no line of git', () => {
    const long = 'c'.repeat(64);
    expect(parseReceiveLines(`nonsense\n\n${long} ${long} refs/heads/main`)).toEqual([
      { before: long, revision: long, ref: 'refs/heads/main' },
    ]);
  });
});

describe('parsePushOptions', () => {
  const parse = (...options: string[]): ReturnType<typeof parsePushOptions> =>
    parsePushOptions(
      {
        GIT_PUSH_OPTION_COUNT: String(options.length),
        ...Object.fromEntries(options.map((option, n) => [`GIT_PUSH_OPTION_${n}`, option])),
      },
      (list) => splitPatterns(list) ?? [],
    );

  it('reads lists from one option or several', () => {
    expect(parse('tasks=a,b', 'tasks=c', 'rebuild=base', 'again', 'hold', 'project=demo')).toEqual({
      request: { tasks: ['a', 'b', 'c'], rebuild: ['base'] },
      again: true,
      hold: true,
      skip: false,
      project: 'demo',
      unknown: [],
    });
  });

  it('asks for nothing when git hands over nothing', () => {
    expect(parsePushOptions({}, (list) => [list])).toEqual({
      request: {},
      again: false,
      hold: false,
      skip: false,
      project: undefined,
      unknown: [],
    });
  });

  it('names the options that it does not know', () => {
    expect(parse('ci.variable=a', 'task=a').unknown).toEqual(['ci.variable=a', 'task=a']);
  });

  it.each(['skip', 'ci.skip'])('takes %s as a wish that nothing be started', (option) => {
    expect(parse(option)).toMatchObject({ skip: true, unknown: [] });
  });
});

describe('receive', () => {
  const run = async (
    api: FakeApi,
    lines: string,
    options: readonly string[] = [],
    over: Partial<ReceiveOptions> = {},
  ): Promise<string[]> => {
    const said: string[] = [];
    const env = {
      GIT_PUSH_OPTION_COUNT: String(options.length),
      ...Object.fromEntries(options.map((option, n) => [`GIT_PUSH_OPTION_${n}`, option])),
    };
    await receive(api, {
      repository: '/srv/git/demo.git',
      refs: parseReceiveLines(lines),
      options: parsePushOptions(env, (list) => list.split(',')),
      pushedBy: 'anne',
      patienceMs: 50,
      signal: new AbortController().signal,
      say: (line) => said.push(line),
      sayAside: (line) => said.push(line),
      ...over,
    });
    return said;
  };
  const revisions = Array.from({ length: 40 }, (_, at) => String(at).padStart(40, '1'));
  const many = revisions.map((revision) => `${OLD} ${revision} refs/heads/of-${revision}\n`).join('');

  it('starts one push for each branch, with what was asked and where the branch was', async () => {
    const api = new FakeApi();
    api.rounds = [
      [aPush({ decisionMs: 5, images: [anImage()], tasks: [aTask(), aTask({ label: 'docs' })] })],
    ];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n${ZERO} ${NEW} refs/heads/new\n`, [
      'tasks=unit',
    ]);

    const common = {
      repository: '/srv/git/demo.git',
      revision: NEW,
      request: { tasks: ['unit'] },
      pushedBy: 'anne',
    };
    expect(api.started).toEqual([
      { ...common, ref: 'refs/heads/main', before: OLD },
      { ...common, ref: 'refs/heads/new' },
    ]);
    expect(said).toContain(`push/demo/1/${NEW}`);
    expect(said).toContain('  http://ui/push');
    expect(said).toContain('  2 tasks; to build: lint');
  });

  it('passes over deleted branches, and over tags with a line', async () => {
    const api = new FakeApi();

    const said = await run(api, `${OLD} ${ZERO} refs/heads/gone\n${ZERO} ${NEW} refs/tags/v1\n`);

    expect(api.started).toEqual([]);
    expect(said).toEqual(['refs/tags/v1 is no branch: nothing to do']);
  });

  it('says one line about a tree without slipway.yml', async () => {
    const api = new FakeApi();
    const detail = `No slipway.yml at the root of ${NEW}: nothing to do`;
    api.rounds = [
      [aPush({ state: 'completed', reason: 'completed', detail, resolved: '2026-01-02T03:04:06Z' })],
    ];

    expect(await run(api, `${OLD} ${NEW} refs/heads/main\n`)).toEqual([`main: ${detail}`]);
  });

  it('prints every finding of a slipway.yml that is wrong', async () => {
    const api = new FakeApi();
    const finding = { severity: 'error' as const, file: 'slipway.yml', line: 2, column: 3, message: 'no' };
    const findings = [finding, { ...finding, line: 9 }];
    api.rounds = [
      [aPush({ state: 'exception', reason: 'malformed-plan', findings, resolved: '2026-01-02T03:04:06Z' })],
    ];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`);

    expect(said).toEqual(expect.arrayContaining(['    slipway.yml:2:3: no', '    slipway.yml:9:3: no']));
  });

  it('names the push options where the plan writes of options of the command line', async () => {
    const api = new FakeApi();
    const at = { severity: 'error' as const, line: 1, column: 2 };
    const findings = [
      { ...at, file: '--tasks', message: 'no task matches "nosuch"' },
      { ...at, file: 'command line', message: '--rebuild names an unknown image "x"' },
    ];
    api.rounds = [
      [aPush({ state: 'exception', reason: 'malformed-plan', findings, resolved: '2026-01-02T03:04:06Z' })],
    ];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, ['tasks=unit,nosuch', 'rebuild=x']);

    expect(said).toContain('    -o tasks:1:2: no task matches "nosuch"');
    expect(said).toContain('    push options:1:2: -o rebuild names an unknown image "x"');
  });

  it.each([
    ['resolved', '-o again does that'],
    ['joined', 'once it is resolved, -o again does that'],
  ] as const)('says of a push that is %s for which ref its tasks were decided', async (outcome, how) => {
    const api = new FakeApi();
    api.outcome = outcome;
    api.decidedFor = 'refs/heads/main';
    api.rounds = [[aPush({ decisionMs: 5, tasks: [aTask()] })]];

    const said = await run(api, `${ZERO} ${NEW} refs/heads/release/1\n`);

    expect(said).toContain(
      `  this revision was pushed as main: for release/1 its tasks are not decided anew; ${how}`,
    );
  });

  it('starts all branches before it says a word, and waits for all at once', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush()]];
    const startedAtFirstWord: number[] = [];
    let [followed, most] = [0, 0];
    const follow = api.follow.bind(api);
    api.follow = async function* (id, signal) {
      most = Math.max(most, (followed += 1));
      try {
        yield* follow(id, signal);
      } finally {
        followed -= 1;
      }
    };
    const said: string[] = [];
    const say = (line: string): void => {
      if (said.length === 0) startedAtFirstWord.push(api.started.length);
      said.push(line);
    };

    await run(api, `${many}${ZERO} ${NEW} refs/tags/v1\n`, ['unknown'], { say });

    expect(startedAtFirstWord).toEqual([revisions.length]);
    expect(most).toBe(revisions.length);
    expect(said.filter((line) => line.startsWith('push/'))).toEqual(
      revisions.map((revision) => `push/demo/1/${revision}`),
    );
  });

  it('starts every branch although whoever pushed has gone, and waits for none then', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush()]];
    const signal = AbortSignal.abort();

    const said = await run(api, many, [], { signal, patienceMs: 2 ** 30 });

    expect(api.started).toHaveLength(revisions.length);
    expect(said.filter((line) => line === '  it is not decided yet')).toHaveLength(revisions.length);
  });

  it('starts branches of one revision one after the other, since they may be one push', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush({ decisionMs: 5, tasks: [aTask()] })]];
    const refs: string[] = [];
    const start = api.start.bind(api);
    api.start = async (push) => {
      refs.push(`starts ${push.ref}`);
      const started = await new Promise((resolve) => setImmediate(resolve)).then(() => start(push));
      refs.push(`started ${push.ref}`);
      return started;
    };

    await run(api, `${OLD} ${NEW} refs/heads/a\n${OLD} ${NEW} refs/heads/b\n`);

    const [a, b] = ['refs/heads/a', 'refs/heads/b'];
    expect(refs).toEqual([`starts ${a}`, `started ${a}`, `starts ${b}`, `started ${b}`]);
  });

  it('lets the pusher go when the decision takes long', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush()]];

    expect(await run(api, `${OLD} ${NEW} refs/heads/main\n`)).toContain('  it is not decided yet');
  });

  it('says the verdict of a push that is resolved already, and of nothing that it is to be built', async () => {
    const api = new FakeApi();
    api.outcome = 'resolved';
    const resolved = '2026-01-02T03:04:06Z';
    const planned = { decisionMs: 5, images: [anImage()], tasks: [aTask()] };
    api.rounds = [[aPush({ state: 'failed', reason: 'failed', resolved, ...planned })]];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`);

    expect(said).toContain('  it is resolved already: failed');
    expect(said.join('\n')).not.toContain('to build');
  });

  it.each([
    ['canceled', true],
    ['malformed-plan', false],
  ] as const)('says of a push that is resolved as %s what runs it again: %s', async (reason, isSaid) => {
    const api = new FakeApi();
    api.outcome = 'resolved';
    const resolved = '2026-01-02T03:04:06Z';
    api.rounds = [[aPush({ state: 'exception', reason, resolved, decisionMs: 5 })]];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, ['tasks=unit']);

    const command = `slipway push /srv/git/demo.git --rev ${NEW} --ref refs/heads/main --tasks unit --again`;
    expect(said).toContain('  it is resolved already: exception');
    expect(said.includes(`  to run it again: ${command}`)).toBe(isSaid);
  });

  it('says that a push is still ending which is to begin a new round, and waits for that no longer than a minute', async () => {
    const api = new FakeApi();
    api.rounds = [[aPush({ decisionMs: 5, tasks: [aTask()] })]];
    const start = api.start.bind(api);
    const patience: (number | undefined)[] = [];
    api.start = (push, wait) => {
      patience.push(wait?.patienceMs);
      wait?.onEnding?.();
      return start(push);
    };

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, ['again']);
    const ofTwo = await run(api, `${OLD} ${NEW} refs/heads/a\n${OLD} ${OLD} refs/heads/b\n`, ['again']);

    expect(said[0]).toBe('this push is still ending; a new round begins after that');
    expect(ofTwo.join('\n')).not.toContain('still ending');
    expect(patience).toEqual([60_000, 60_000, 60_000]);
  });

  it('says what starts a push later that has not ended in time', async () => {
    const api = new FakeApi();
    api.failure = new PushEnding(`push/demo/1/${NEW}`, 60_000);

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, ['again']);

    expect(said).toEqual([
      `no push was started: Push push/demo/1/${NEW} is still ending, 60 s after a new round was asked for: ask again once it has its verdict (slipway watch push/demo/1/${NEW})`,
      `to start it later: slipway push /srv/git/demo.git --rev ${NEW} --ref refs/heads/main --again`,
    ]);
  });

  it('does not say of a push that is resolved that it is not decided, whoever keeps silent', async () => {
    const api = new FakeApi();
    api.outcome = 'resolved';

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`);

    expect(said).toContain('  it is resolved already');
    expect(said.join('\n')).not.toContain('not decided');
  });

  it('never says of a push that is started that it is not', async () => {
    const api = new FakeApi();
    api.follow = () => {
      throw new Error('The store says no');
    };

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`);

    expect(said).toEqual([
      `push/demo/1/${NEW}`,
      '  http://ui/push',
      '  its plan is not known yet: The store says no',
      `  slipway watch push/demo/1/${NEW}`,
    ]);
  });

  it('does not take what was decided in an earlier round for the new one', async () => {
    const api = new FakeApi();
    api.round = 2;
    const resolved = '2026-01-02T03:04:06Z';
    api.rounds = [[aPush({ state: 'failed', reason: 'failed', decisionMs: 5, tasks: [aTask()], resolved })]];

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, ['again']);

    expect(said).toContain('  it is not decided yet');
  });

  it('says why nothing was started, and goes on with the next branch', async () => {
    const api = new FakeApi();
    api.failure = new ProjectNotFound('No project names it');

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n${OLD} ${NEW} refs/heads/other\n`);

    const trouble = [
      'no push was started: No project names it',
      'Have a project name the repository, and the ref, under `sources` in slipway.config.yml.',
    ];
    expect(said).toEqual([...trouble, ...trouble]);
  });

  it('says what starts the push of each branch later when what is away has come back', async () => {
    const api = new FakeApi();
    api.failure = new TemporalUnavailable('localhost:7233', 'no answer');
    const lines = `${OLD} ${NEW} refs/heads/main\n${OLD} ${ZERO} refs/heads/gone\n${ZERO} ${OLD} refs/heads/a&b\n`;

    const said = await run(api, lines, ['tasks=unit,!lint', 'rebuild=base', 'project=demo', 'hold']);

    const asked = `--tasks 'unit,!lint' --rebuild base --project demo --hold`;
    expect(said.filter((line) => line.startsWith('to start it later: '))).toEqual([
      `to start it later: slipway push /srv/git/demo.git --rev ${NEW} --ref refs/heads/main ${asked}`,
      `to start it later: slipway push /srv/git/demo.git --rev ${OLD} --ref 'refs/heads/a&b' ${asked}`,
    ]);
    expect(said[0]).toBe('no push was started: Temporal at localhost:7233 does not answer: no answer');
  });

  it('asks what is away for no further branch, and says meanwhile that it is waited for', async () => {
    const api = new FakeApi();
    const away = new TemporalUnavailable('localhost:7233', 'no answer');
    let asked = 0;
    let hasSpoken = (): void => undefined;
    const spoken = new Promise<void>((resolve) => (hasSpoken = resolve));
    api.start = async () => {
      asked += 1;
      await spoken;
      throw away;
    };
    const asides: string[] = [];
    const sayAside = (line: string): void => {
      asides.push(line);
      hasSpoken();
    };

    const said = await run(api, many, [], { sayAside });

    expect(asked).toBeLessThan(revisions.length);
    expect(said.filter((line) => line.endsWith(away.message))).toHaveLength(revisions.length);
    expect(said.filter((line) => line.startsWith('to start it later: '))).toHaveLength(revisions.length);
    expect(asides).toEqual(['not every push is started yet: still waiting for Temporal and the store']);
  });

  it('says on which machine to type what starts it later, to who pushes from another', async () => {
    const api = new FakeApi();
    api.failure = new TemporalUnavailable('localhost:7233', 'no answer');

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`, [], { host: 'git.example' });

    expect(said[1]).toBe(
      `to start it later, on git.example: slipway push /srv/git/demo.git --rev ${NEW} --ref refs/heads/main`,
    );
  });

  it.each([
    [
      new Error('Failed to start Workflow', { cause: new Error('SlipwayProject is not defined') }),
      'Failed to start Workflow: SlipwayProject is not defined',
    ],
    [
      new StoreUnavailable('GetObject', 'slipway', 'a', 'AccessDenied'),
      'Store: GetObject failed [bucket=slipway, key=a]: AccessDenied',
    ],
  ])('says why with what caused it, and who finds out more: %s', async (failure, why) => {
    const api = new FakeApi();
    api.failure = failure;

    const said = await run(api, `${OLD} ${NEW} refs/heads/main\n`);

    expect(said.slice(0, 2)).toEqual([
      `no push was started: ${why}`,
      'the refs are there all the same; `slipway doctor` says what is wrong',
    ]);
  });
});
