import { describe, expect, it } from '@jest/globals';
import { EXIT } from '../../../client/cli/exit-codes.ts';
import { findKnown, guessProject, ownProject, projectsOf } from '../../../client/cli/local-project.ts';
import { firstLine, lastLines, lastLinesOf } from '../../../client/cli/last-lines.ts';
import { splitPatterns } from '../../../client/cli/options.ts';
import { reportError } from '../../../client/cli/report-error.ts';
import { UsageError } from '../../../client/cli/usage-error.ts';
import * as errors from '../../../model/errors.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';

describe('splitPatterns', () => {
  it('splits at commas, but not inside the braces of a glob', () => {
    expect(splitPatterns(['unit, lint', 'test/{a,b}*,docs', ''])).toEqual([
      'unit',
      'lint',
      'test/{a,b}*',
      'docs',
    ]);
  });

  it('gives none when none was given', () => {
    expect(splitPatterns(undefined)).toBeUndefined();
  });
});

describe('reportError', () => {
  it.each([
    [new UsageError('wrong'), EXIT.usage],
    [new errors.NotFound('no push'), EXIT.usage],
    [new errors.ConfigInvalid('bad'), EXIT.usage],
    [new errors.ProjectNotFound('none'), EXIT.usage],
    [new errors.NotGranted('not any more'), EXIT.usage],
    [new errors.RevisionNotFound('/r', 'abc'), EXIT.usage],
    [new errors.InvalidInput([]), EXIT.usage],
    [new errors.StoreUnavailable('get', 'b', 'k', 'away'), EXIT.infrastructure],
    [new errors.EngineUnavailable('unix:///x', 'away'), EXIT.infrastructure],
    [new errors.StackUnavailable('No stack runs'), EXIT.infrastructure],
    [new errors.SetupFailed('S3', 'missing', 'Type this'), EXIT.infrastructure],
    [new errors.RepositoryUnavailable('/r', 'away'), EXIT.infrastructure],
    [new errors.InternalError('?'), EXIT.infrastructure],
    [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), EXIT.infrastructure],
  ])('gives %s its exit code', (error, code) => {
    expect(reportError(error, captureTerminal().terminal)).toBe(code);
  });

  it('prints findings as compilers do, one a line, and no stack', () => {
    const finding = { severity: 'error', file: 'slipway.yml', line: 2, column: 5, message: 'no' } as const;
    const captured = captureTerminal();

    reportError(new errors.InvalidInput([finding, { ...finding, line: 7 }]), captured.terminal);

    expect(captured.stderr()).toBe('slipway.yml:2:5: no\nslipway.yml:7:5: no\n');
  });

  it('says where a repository that no project names is to be named', () => {
    const captured = captureTerminal();

    reportError(new errors.ProjectNotFound('No project names it'), captured.terminal);

    expect(captured.stderr()).toBe(
      'slipway: No project names it\nslipway: Have a project name the repository, and the ref, under `sources` in slipway.config.yml.\n',
    );
  });

  it('adds what a cause says', () => {
    const captured = captureTerminal();

    reportError(new Error('The server is away', { cause: new Error('no route') }), captured.terminal);

    expect(captured.stderr()).toBe('slipway: The server is away: no route\n');
  });
});

describe('the terminal', () => {
  it('has no colours and no progress where nobody looks', () => {
    const captured = captureTerminal();

    captured.terminal.print(captured.terminal.paint('red', 'bad'));
    captured.terminal.status('half done');

    expect([captured.stdout(), captured.stderr()]).toEqual(['bad\n', '']);
  });

  it('has progress for a person, removed before the next line, and colours unless NO_COLOR', () => {
    const coloured = captureTerminal({ tty: true });
    const plain = captureTerminal({ tty: true, env: { NO_COLOR: '1' } });

    coloured.terminal.status('half done');
    coloured.terminal.note('done');

    expect(coloured.stderr()).toBe('half done\r\u001b[Kdone\n');
    expect(coloured.terminal.paint('red', 'bad')).toContain('\u001b[31m');
    expect(plain.terminal.paint('red', 'bad')).toBe('bad');
  });

  it('keeps to the answer and to errors when quiet', () => {
    const captured = captureTerminal({ quiet: true, tty: true });

    captured.terminal.note('aside');
    captured.terminal.status('half done');
    captured.terminal.error('wrong');
    captured.terminal.print('answer');

    expect([captured.stdout(), captured.stderr()]).toEqual(['answer\n', 'wrong\n']);
  });
});

describe('lastLines', () => {
  const stream = async function* (...chunks: string[]): AsyncIterable<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  };

  it('gives the last lines, whatever the chunks are', async () => {
    expect(await lastLines(stream('a\nb', 'b\nc', '\n'), 2)).toEqual(['bb', 'c']);
  });

  it('lets no task steer the terminal of the reader', async () => {
    const text = '\u001b[2Jcleared\u0007\n10%\r90%\r100%\nwindows\r\n';
    expect(await lastLines(stream(text), 9)).toEqual(['cleared', '100%', 'windows']);
  });

  it('keeps only the end of a long text', async () => {
    const chunks = Array.from({ length: 200 }, (_, n) => `${'x'.repeat(9_000)}\nline ${n}\n`);
    expect(await lastLines(stream(...chunks), 1)).toEqual(['line 199']);
  });
});

describe('lastLinesOf', () => {
  const read = (text: string) =>
    async function* (tailBytes: number): AsyncIterable<Buffer> {
      yield Buffer.from(text).subarray(-tailBytes);
    };

  it.each([
    ['a short text', ['a', 'b', 'c'], 9, ['a', 'b', 'c']],
    ['a text that has just so many lines', ['a', 'b'], 2, ['a', 'b']],
    ['a long text', [...Array<string>(9_999).fill('x'.repeat(99)), 'y'], 2, ['x'.repeat(99), 'y']],
    [
      'a text of long lines',
      ['x'.repeat(90_000), 'y'.repeat(90_000)],
      2,
      ['x'.repeat(90_000), 'y'.repeat(90_000)],
    ],
  ])('gives the last lines of %s', async (_what, lines, limit, last) => {
    expect(await lastLinesOf(read(`${lines.join('\n')}\n`), limit)).toEqual(last);
  });
});

describe('firstLine', () => {
  it.each([
    ['\nCompile\nand pack\n', 'Compile'],
    ['\u001b[2JClear\u0007', 'Clear'],
    ['', ''],
  ])('of %j is %j', (text, line) => expect(firstLine(text)).toBe(line));
});

describe('guessProject', () => {
  const config = {
    version: 1 as const,
    localProjects: true,
    projects: {
      demo: {
        trustDomain: 'shared',
        visibility: 'private' as const,
        pullRequests: 'off' as const,
        sources: [{ repository: 'file:///srv/git/demo.git', refs: { main: 3 as const, '*': 1 as const } }],
        secrets: { 3: ['KEY'] },
      },
    },
  };

  it('takes the project of a remote for its checkout', () => {
    const repositories = ['/home/anne/hello', '/srv/git/demo.git'] as const;
    expect(guessProject(config, { repositories, ref: 'refs/heads/main' })).toEqual({
      project: 'demo',
      domain: 'shared',
      level: 3,
      grants: { capabilities: [], secrets: ['KEY'] },
    });
  });

  it('tells which of the repositories it is that the configuration names, and what a clone would be by itself', () => {
    const repositories = ['/home/anne/hello', 'https://h.invalid/r.git', '/srv/git/demo.git'] as const;
    const [clone] = repositories;
    const ref = 'refs/heads/main';
    expect(findKnown(config, { repositories, ref })).toMatchObject({
      repository: '/srv/git/demo.git',
      owner: { project: 'demo', level: 3 },
    });
    expect(findKnown(config, { repositories, ref, wanted: 'hello' })).toBeUndefined();
    expect(findKnown(config, { repositories: [clone], ref })).toBeUndefined();
    expect(ownProject(config, clone, ref)).toBe('hello');
    // A name that is another's, and no local projects at all.
    expect(ownProject(config, '/home/anne/demo', ref)).toBeUndefined();
    expect(ownProject({ ...config, localProjects: false }, clone, ref)).toBeUndefined();
  });

  it('takes what nobody knows for a project of its directory, at level 1, and does not know its grants', () => {
    expect(
      guessProject(config, { repositories: ['/home/anne/Hello World'], ref: 'refs/heads/main' }),
    ).toEqual({
      project: 'hello-world',
      domain: 'hello-world',
      level: 1,
    });
  });

  it('refuses a name that is neither in the configuration nor that of the directory', () => {
    const guess = (wanted: string, repository: string) => (): unknown =>
      guessProject(config, { repositories: [repository], ref: 'refs/heads/main', wanted });

    expect(guess('hello', '/home/anne/hello')()).toMatchObject({ project: 'hello', level: 1 });
    expect(guess('dmeo', '/home/anne/hello')).toThrow(
      new UsageError('There is no project "dmeo". Projects here are: demo, hello'),
    );
    expect(guess('dmeo', 'https://h.invalid/r.git')).toThrow(
      new UsageError('There is no project "dmeo". Projects here are: demo'),
    );
  });

  it('plans for a project that is named, at its lowest level', () => {
    const question = { repositories: ['/home/anne/hello'], ref: 'refs/heads/main', wanted: 'demo' } as const;
    expect(guessProject(config, question)).toEqual({
      project: 'demo',
      domain: 'shared',
      level: 1,
      grants: { capabilities: [], secrets: [] },
    });
  });

  it('knows all projects of a checkout and its remotes, whatever their refs, each once, and which are only guessed', () => {
    const [source] = config.projects['demo']?.sources ?? [];

    expect(projectsOf(config, ['/home/anne/hello', source?.repository ?? ''])).toEqual(
      expect.arrayContaining([
        { project: 'demo', isKnown: true },
        { project: 'hello', isKnown: false },
      ]),
    );
    const twice = projectsOf(config, ['/home/anne/hello', '/home/anne/hello']);
    expect(twice).toEqual([{ project: 'hello', isKnown: false }]);
    expect(projectsOf(config, ['https://h.invalid/r.git'])).toEqual([]);
  });
});
