import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configureDemo, demoStateDirectory, ownConfig } from '../../../client/cli/demo/demo-config.ts';
import { resolveProject } from '../../../steps/resolve-project.ts';
import { FIRST_SERVER_CONFIG } from '../../../stack/server-config.ts';
import { readServerConfig } from '../../../workers/server-config.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const REPOSITORIES = { work: '/d/hello', origin: '/d/demo.git', tryOut: '/d/demo-try.git' };

describe('configureDemo', () => {
  it('makes main of the one repository level 3 and all of the other level 1, in one trust domain', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    await writeFile(path, FIRST_SERVER_CONFIG);

    await configureDemo(path, REPOSITORIES);

    const config = await readServerConfig(path);
    const demo = { project: 'demo', domain: 'demo' };
    const level = (repository: string, ref: string): unknown => resolveProject(config, repository, { ref });
    expect(level('/d/demo.git', 'refs/heads/main')).toMatchObject({ ...demo, level: 3 });
    expect(level('/d/demo.git', 'refs/heads/x')).toMatchObject({ ...demo, level: 1 });
    expect(level('/d/demo-try.git', 'refs/heads/main')).toMatchObject({ ...demo, level: 1 });
  });

  it('keeps what else stands there, comments too, and changes nothing the second time', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    await writeFile(path, 'version: 1\n# ours\nprojects:\n  other:\n    sources: []\n');

    await configureDemo(path, REPOSITORIES);
    const first = await readFile(path, 'utf8');
    await configureDemo(path, REPOSITORIES);

    expect(first).toContain('# ours');
    expect(Object.keys((await readServerConfig(path)).projects)).toEqual(['other', 'demo']);
    expect(await readFile(path, 'utf8')).toBe(first);
  });

  it('writes into a file that says nothing', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    await writeFile(path, '# nothing yet\n');

    await configureDemo(path, REPOSITORIES);

    expect(Object.keys((await readServerConfig(path)).projects)).toEqual(['demo']);
    expect(await readFile(path, 'utf8')).toContain('# nothing yet');
  });

  it('leaves a project demo of other repositories as it is, and says where it stands and what to type', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'slipway.config.yml');
    // As the first `up` proposes it.
    const own = FIRST_SERVER_CONFIG.replace('projects: {}', 'projects:').replaceAll(/^#(?= {2})/gm, ' ');
    await writeFile(path, own);
    expect(Object.keys((await readServerConfig(path)).projects)).toEqual(['demo']);

    await expect(configureDemo(path, REPOSITORIES)).rejects.toThrow(
      `${path} has a project "demo" of other repositories, which the demo would replace; type: SLIPWAY_HOME=`,
    );

    expect(await readFile(path, 'utf8')).toBe(own);
  });
});

describe('ownConfig', () => {
  it("is a running stack's in its state directory, and none that lies elsewhere", () => {
    const own = { stateDirectory: '/home/.slipway', serverConfig: '/home/.slipway/slipway.config.yml' };

    expect(ownConfig(own)).toBe(own.serverConfig);
    expect(() => ownConfig({ ...own, serverConfig: '/etc/slipway.config.yml' })).toThrow(
      'The stack in /home/.slipway reads /etc/slipway.config.yml, into which the demo would write',
    );
  });
});

describe('demoStateDirectory', () => {
  it('is that of the checkout where SLIPWAY_HOME is empty, and not where the demo is typed', () => {
    const ofCheckout = join(import.meta.dirname, '..', '..', '..', '.slipway');

    for (const env of [{}, { SLIPWAY_HOME: '' }]) expect(demoStateDirectory(env)).toBe(ofCheckout);
    expect(demoStateDirectory({ SLIPWAY_HOME: '/elsewhere' })).toBe('/elsewhere');
  });
});
