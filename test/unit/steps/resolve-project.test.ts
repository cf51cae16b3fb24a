import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { NO_GRANTS, serverConfigSchema } from '../../../model/schema/config.ts';
import {
  asConfigured,
  canonicalRepository,
  resolveProject,
  supersedes,
} from '../../../steps/resolve-project.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const config = serverConfigSchema.parse({
  version: 1,
  projects: {
    demo: {
      sources: [{ repository: 'file:///srv/git/demo.git', refs: { main: 3, 'release/*': 3, '*': 1 } }],
      secrets: { 3: ['KEY'] },
    },
    twin: { trustDomain: 'demo', sources: [{ repository: '/srv/git/demo.git/', refs: { main: 1 } }] },
    web: { sources: [{ repository: 'https://git.example.org/web', refs: { 'refs/heads/main': 3 } }] },
  },
});
const on = (ref: string, wanted?: string) => resolveProject(config, '/srv/git/demo.git', { ref, wanted });

describe('resolveProject', () => {
  it.each([
    ['refs/heads/main', 3],
    ['refs/heads/release/1/2', 3],
    ['refs/heads/feature/x', 1],
    ['refs/heads/mainly', 1],
  ])('gives %s the level of the first ref that matches, and what is granted at that level', (ref, level) => {
    const grants = { capabilities: [], secrets: level === 3 ? ['KEY'] : [] };
    expect(on(ref)).toEqual({ project: 'demo', domain: 'demo', level, grants });
  });

  it('lets the pusher choose only among the projects that name the repository', () => {
    expect(on('refs/heads/main', 'twin')).toMatchObject({ project: 'twin', domain: 'demo', level: 1 });
    expect(() => on('refs/heads/main', 'web')).toThrow(
      'Project "web" does not name the repository file:///srv/git/demo.git: it is of https://git.example.org/web',
    );
    expect(() => on('refs/heads/main', 'wbe')).toThrow('file:///srv/git/demo.git: there is no such project');
  });

  it('refuses a ref that no pattern names', () => {
    expect(() => resolveProject(config, 'https://git.example.org/web/', { ref: 'refs/heads/other' })).toThrow(
      'No project lets refs/heads/other',
    );
  });

  it('makes a local repository that nobody names a project of level 1, if configured', () => {
    const local = resolveProject(config, '/home/me/My Tool.git', { ref: 'refs/heads/main' });

    expect(local).toEqual({ project: 'my-tool', domain: 'my-tool', level: 1, grants: NO_GRANTS });
    expect(() =>
      resolveProject({ ...config, localProjects: false }, '/home/me/tool', { ref: 'refs/heads/main' }),
    ).toThrow('No project');
    expect(() => resolveProject(config, 'https://git.example.org/other', { ref: 'refs/heads/main' })).toThrow(
      'No project',
    );
  });

  it('says of a repository elsewhere that nobody names which project has one of that name', () => {
    expect(() => resolveProject(config, 'git@git.example.org:web.git', { ref: 'refs/heads/main' })).toThrow(
      'No project of the configuration names the repository git@git.example.org:web.git; project "web" is of https://git.example.org/web',
    );
  });

  it('says what to do about a directory name that makes no project name, as people write it', () => {
    expect(() => resolveProject(config, '/home/me/日本語', { ref: 'refs/heads/main' })).toThrow(
      'The directory name of /home/me/日本語 makes no project name (a to z, 0 to 9): rename the directory, or',
    );
  });

  it.each(['.git', '.bare'])('calls a bare %s by the directory that it is in', (name) => {
    const local = resolveProject(config, `/home/me/tool/${name}`, { ref: 'refs/heads/main' });

    expect(local).toMatchObject({ project: 'tool', domain: 'tool', level: 1 });
  });

  it('never lets a directory name take the place of a configured project', () => {
    expect(() => resolveProject(config, '/home/mallory/demo', { ref: 'refs/heads/main' })).toThrow(
      'Project "demo" does not name the repository file:///home/mallory/demo: it is of file:///srv/git/demo.git',
    );
  });

  it.each([
    [undefined, 'refs/heads/main', false],
    [true, 'refs/heads/main', true],
    [false, 'refs/heads/main', false],
    [['try/*'], 'refs/heads/try/anne/1', true],
    [['try/*'], 'refs/heads/main', false],
    [['*', '!main'], 'refs/heads/main', false],
    [['*', '!main'], 'refs/heads/try/1', true],
    [['{try,fix}/*'], 'refs/heads/fix/1', true],
  ])(
    'lets newer pushes take the place of older ones where it says so: %j, %s',
    (supersede, ref, expected) => {
      const project = { sources: [], ...(supersede === undefined ? {} : { supersede }) };
      const one = serverConfigSchema.parse({ version: 1, projects: { one: project } });

      expect(supersedes(one, 'one', ref)).toBe(expected);
      expect(supersedes(one, 'another', ref)).toBe(false);
    },
  );

  it('refuses a level for what is not a ref: the first pattern that matches decides', () => {
    const refs = { '!main': 3, '*': 1 };
    const parsed = serverConfigSchema.safeParse({
      version: 1,
      projects: { one: { sources: [{ repository: '/a', refs }] } },
    });

    expect(JSON.stringify(parsed.error?.issues)).toContain('cannot begin with');
  });

  it('knows a repository that is reached by another path only where it is named, not where it is authorized', () => {
    using scratch = scratchDirectory();
    const [real, linked] = [join(scratch.path, 'data'), join(scratch.path, 'srv')];
    mkdirSync(join(real, 'x.git'), { recursive: true });
    symlinkSync(real, linked);
    const source = { repository: `file://${linked}/x.git`, refs: { main: 3 } };
    const named = serverConfigSchema.parse({
      version: 1,
      localProjects: false,
      projects: { other: { sources: [{ ...source, repository: '/nowhere' }] }, one: { sources: [source] } },
    });
    const ref = 'refs/heads/main';

    expect(asConfigured(named, join(real, 'x.git'))).toBe(source.repository);
    expect(asConfigured(named, `${linked}/x.git/`)).toBe(source.repository);
    for (const other of [real, '/nowhere/else']) expect(asConfigured(named, other)).toBe(`file://${other}`);
    expect(asConfigured(named, 'https://git.example.org/x/')).toBe('https://git.example.org/x');
    expect(resolveProject(named, source.repository, { ref })).toMatchObject({ project: 'one', level: 3 });
    expect(() => resolveProject(named, join(real, 'x.git'), { ref })).toThrow('No project');
  });

  it('knows a repository elsewhere with and without .git for the same only where it is named, and its own spelling first', () => {
    const address = 'https://git.example.org/team';
    const refs = { main: 3 };
    const sources = [
      'git@git.example.org:team/x.git',
      `${address}/y`,
      `${address}/z`,
      `${address}/z.git`,
      '/srv/x.git',
    ];
    const named = serverConfigSchema.parse({
      version: 1,
      projects: { one: { sources: sources.map((repository) => ({ repository, refs })) } },
    });

    expect(asConfigured(named, 'git@git.example.org:team/x')).toBe('git@git.example.org:team/x.git');
    expect(asConfigured(named, `${address}/y.git/`)).toBe(`${address}/y`);
    for (const own of [`${address}/z`, `${address}/z.git`, `${address}/x`, 'file:///srv/x'])
      expect(asConfigured(named, own)).toBe(own);
    expect(() => resolveProject(named, `${address}/y.git`, { ref: 'refs/heads/main' })).toThrow('No project');
  });

  it('writes local paths as file URLs', () => {
    expect(canonicalRepository('/srv/a b/')).toBe('file:///srv/a%20b');
    expect(canonicalRepository('git@example.org:team/x.git')).toBe('git@example.org:team/x.git');
  });
});
