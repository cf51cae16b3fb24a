import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cp,
  mkdir,
  mkdtemp,
  mkdtempDisposable,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..', '..');
let checkout: string;
const children: ChildProcess[] = [];

/** A checkout whose packages are installed, as far as setup.mjs looks. */
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'slipway setup-'));
  await cp(join(ROOT, 'setup.mjs'), join(checkout, 'setup.mjs'));
  await writeFile(join(checkout, 'package-lock.json'), '{}');
  await mkdir(join(checkout, 'node_modules', 'node', 'bin'), { recursive: true });
  await symlink(process.execPath, join(checkout, 'node_modules', 'node', 'bin', 'node'));
  await writeFile(
    join(checkout, 'node_modules', '.slipway-lock'),
    createHash('sha256').update('{}').digest('hex'),
  );
  await writeFile(
    join(checkout, 'script.ts'),
    `const code: number = 7;
     if (process.argv[2] === 'wait') { process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1000); console.log('ready'); }
     else { console.log(JSON.stringify(process.argv.slice(2))); process.exit(code); }`,
  );
});

afterAll(async () => {
  await rm(checkout, { recursive: true });
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('setup.mjs', () => {
  it('runs a script with its arguments and gives its exit code', () => {
    const done = spawnSync('node', ['setup.mjs', 'run', 'script.ts', 'a', 'b c'], {
      cwd: checkout,
      encoding: 'utf8',
    });

    expect(done.stdout.trim()).toBe('["a","b c"]');
    expect(done.status).toBe(7);
  });

  it('passes a signal on and waits for the end', async () => {
    const child = spawn('node', ['setup.mjs', 'run', 'script.ts', 'wait'], { cwd: checkout });
    await once(child.stdout, 'data');

    child.kill('SIGTERM');

    expect(await once(child, 'exit')).toEqual([5, null]);
  });

  it('says in one sentence that git is missing', () => {
    const done = spawnSync(process.execPath, ['setup.mjs'], {
      cwd: checkout,
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    });

    expect(done.stderr).toBe('slipway: git is missing: install it and type the command again.\n');
    expect(done.status).toBe(3);
  });

  it('says in one sentence that Node is too old', () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });`;
    const done = spawnSync('node', ['--import', `data:text/javascript,${older}`, 'setup.mjs'], {
      cwd: checkout,
      encoding: 'utf8',
    });

    expect(done.stderr).toBe(
      'slipway: Node 18.20.4 is too old: install Node 20 or newer and type the command again.\n',
    );
    expect(done.status).toBe(3);
  });

  it('says in one sentence that git is too old', async () => {
    await using old = await mkdtempDisposable(join(tmpdir(), 'slipway old git-'));
    const git = join(old.path, 'git');
    const answers = { 'git version 2.25.1': 3, 'git version 2.32.0': 0, 'git version 3.1 (of somebody)': 0 };
    for (const [answer, status] of Object.entries(answers)) {
      await writeFile(git, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });

      const done = spawnSync(process.execPath, ['setup.mjs'], {
        cwd: checkout,
        encoding: 'utf8',
        env: { PATH: old.path },
      });

      expect(done.status).toBe(status);
      expect(done.stderr).toBe(
        status === 0
          ? ''
          : 'slipway: git 2.25 is too old: install git 2.32 or newer and type the command again.\n',
      );
    }
  });

  it('says in one sentence that there is no glibc, before it installs anything', async () => {
    await using fresh = await freshCheckout();
    const musl = `process.report.getReport = () => ({ header: {} }); Object.defineProperty(process, 'platform', { value: 'linux' });`;
    const done = spawnSync('node', ['--import', `data:text/javascript,${musl}`, 'setup.mjs'], {
      cwd: fresh.path,
      encoding: 'utf8',
    });

    expect(done.stderr).toBe(
      'slipway: Slipway needs glibc, which this Linux does not have (Alpine, for one): take a distribution that has it, as Debian.\n',
    );
    expect(done.status).toBe(3);
  });

  it.each([{ NODE_ENV: 'production' }, { npm_config_omit: 'dev' }])(
    'installs its Node where packages for development are left out: %j',
    async (settings) => {
      await using fresh = await mkdtempDisposable(join(tmpdir(), 'slipway setup-'));
      const devDependencies = { node: 'file:a-node' };
      const packages = {
        '': { name: 'checkout', version: '1.0.0', devDependencies },
        'a-node': { name: 'node', version: '1.0.0', dev: true },
        'node_modules/node': { resolved: 'a-node', link: true },
      };
      const lock = { name: 'checkout', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
      await cp(join(ROOT, 'setup.mjs'), join(fresh.path, 'setup.mjs'));
      await mkdir(join(fresh.path, 'a-node', 'bin'), { recursive: true });
      await symlink(process.execPath, join(fresh.path, 'a-node', 'bin', 'node'));
      await writeFile(join(fresh.path, 'a-node', 'package.json'), JSON.stringify(packages['a-node']));
      await writeFile(join(fresh.path, 'package.json'), JSON.stringify(packages['']));
      await writeFile(join(fresh.path, 'package-lock.json'), JSON.stringify(lock));

      const env = { ...process.env, ...settings };
      const done = spawnSync('node', ['setup.mjs'], { cwd: fresh.path, encoding: 'utf8', env });

      expect([done.status, done.stderr]).toEqual([0, expect.not.stringContaining('could not')]);
    },
    60_000,
  );

  it('installs packages that were not installed to the end, and keeps no mark of it when that fails', async () => {
    await using broken = await mkdtempDisposable(join(tmpdir(), 'slipway setup-'));
    await cp(join(ROOT, 'setup.mjs'), join(broken.path, 'setup.mjs'));
    await writeFile(join(broken.path, 'package-lock.json'), 'not JSON');
    await mkdir(join(broken.path, 'node_modules'));

    const done = spawnSync('node', ['setup.mjs'], { cwd: broken.path, encoding: 'utf8' });

    expect(done.stderr).toContain('slipway: installing packages with npm ci');
    expect(done.stderr).toContain('slipway: The packages could not be installed: npm ci ended with');
    expect(done.status).toBe(3);
    await expect(readFile(join(broken.path, 'node_modules', '.slipway-lock'))).rejects.toThrow('ENOENT');
    expect(await readdir(broken.path)).not.toContain('node_modules.lock');
  });

  it('installs once when two begin at once: the second waits and finds it done', async () => {
    await using fresh = await freshCheckout();
    const first = setUp(fresh.path);
    await first.says('installing packages');
    const second = setUp(fresh.path);
    await second.says(/waiting for it|installing packages/);
    await writeFile(join(fresh.path, 'go'), '');

    expect(await Promise.all([first.ended, second.ended])).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(await readFile(join(fresh.path, 'npm.log'), 'utf8')).toBe('ci\n');
    expect(second.said()).toBe(`slipway: process ${first.pid} installs packages here; waiting for it\n`);
    expect(await readdir(fresh.path)).not.toContain('node_modules.lock');
  });

  it('waits for none that was killed', async () => {
    await using fresh = await freshCheckout();
    const killed = setUp(fresh.path);
    await killed.says('installing packages');
    // With its npm.
    process.kill(-killed.pid, 'SIGKILL');
    await killed.ended;
    expect(await readdir(fresh.path)).toContain('node_modules.lock');
    await writeFile(join(fresh.path, 'go'), '');

    const heir = setUp(fresh.path);

    expect(await heir.ended).toEqual([0, null]);
    expect(heir.said()).not.toContain('waiting for it');
    expect(await readdir(fresh.path)).not.toContain('node_modules.lock');
  });

  it('alone does nothing where packages and Node are installed: no engine, no server', () => {
    const done = spawnSync('node', ['setup.mjs'], { cwd: checkout, encoding: 'utf8' });

    expect([done.status, done.stdout, done.stderr]).toEqual([0, '', '']);
  });

  it('is what bin/slipway asks for where they are not', async () => {
    await using bare = await mkdtempDisposable(join(tmpdir(), 'slipway bare-'));
    await mkdir(join(bare.path, 'bin'));
    await cp(join(ROOT, 'bin', 'slipway'), join(bare.path, 'bin', 'slipway'));

    const done = spawnSync(join(bare.path, 'bin', 'slipway'), ['status'], { encoding: 'utf8' });

    expect(done.stderr).toBe(
      `slipway: its packages are not installed; type: node '${bare.path}/setup.mjs'\n`,
    );
    expect(done.status).toBe(3);
  });

  it('refuses other verbs', () => {
    const done = spawnSync('node', ['setup.mjs', 'walk'], { cwd: checkout, encoding: 'utf8' });

    expect(done.stderr).toContain('usage: node setup.mjs');
    expect(done.status).toBe(2);
  });
});

/** Whose `npm ci` ends when there is a file `go`. */
async function freshCheckout(): Promise<Awaited<ReturnType<typeof mkdtempDisposable>>> {
  const fresh = await mkdtempDisposable(join(tmpdir(), 'slipway setup-'));
  await cp(join(ROOT, 'setup.mjs'), join(fresh.path, 'setup.mjs'));
  await writeFile(join(fresh.path, 'package-lock.json'), '{}');
  await writeFile(
    join(fresh.path, 'npm.js'),
    `const { appendFileSync, existsSync, mkdirSync, symlinkSync } = require('node:fs');
     appendFileSync('npm.log', process.argv[2] + '\\n');
     mkdirSync('node_modules/node/bin', { recursive: true });
     setInterval(() => {
       if (!existsSync('go')) return;
       if (!existsSync('node_modules/node/bin/node')) symlinkSync(process.execPath, 'node_modules/node/bin/node');
       process.exit();
     }, 20);`,
  );
  return fresh;
}

interface SetUp {
  readonly pid: number;
  readonly ended: Promise<unknown>;
  said(): string;
  says(what: string | RegExp): Promise<void>;
}

/** In a process group of its own. */
function setUp(checkout: string): SetUp {
  const env = { ...process.env, npm_execpath: join(checkout, 'npm.js') };
  const child = spawn('node', ['setup.mjs'], { cwd: checkout, env, detached: true });
  children.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  return {
    pid: child.pid!,
    ended: once(child, 'close'),
    said: () => said,
    async says(what) {
      while (said.search(what) < 0) await once(child.stderr, 'data');
    },
  };
}

describe('package-lock.json', () => {
  it('names every optional package of a platform that one in it asks for, so that npm ci takes it', async () => {
    const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const asked = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}),
    );

    const missing = asked.filter(
      (name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)),
    );

    expect(missing).toEqual([]);
  });
});
