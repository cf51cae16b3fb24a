#!/usr/bin/env node
/**
 * The only file that runs on whatever Node (20 or newer) a machine has: makes sure that the packages and the Node that
 * Slipway is written for are there, then hands over to it.
 *
 *   node setup.mjs                       install what is missing
 *   node setup.mjs run SCRIPT [ARG…]     the same, then run SCRIPT on that Node
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
/** The first one that keeps the user's own configuration out of what reads repositories (`GIT_CONFIG_GLOBAL`). */
const OLDEST_GIT = [2, 32];
const EXIT_USAGE = 2;
const EXIT_INFRASTRUCTURE = 3;
const POLL_MS = 300;

const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.slipway-lock');
/** A link that points nowhere, of the process that installs. Not in `node_modules`, which npm empties. */
const lock = `${modules}.lock`;
/** What Node compiles it keeps there, as `bin/slipway` has it. */
const compileCache = join(modules, '.cache', 'node');
const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

main(process.argv.slice(2));

function main([verb, script, ...args]) {
  if (verb !== undefined && (verb !== 'run' || script === undefined)) {
    end(EXIT_USAGE, 'usage: node setup.mjs [run SCRIPT [ARG…]]');
  }
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    end(
      EXIT_INFRASTRUCTURE,
      `Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or newer and type the command again.`,
    );
  }
  const git = spawnSync('git', ['--version'], { encoding: 'utf8' });
  if (git.status !== 0) {
    end(EXIT_INFRASTRUCTURE, 'git is missing: install it and type the command again.');
  }
  const [version, major, minor] = /(\d+)\.(\d+)/.exec(git.stdout) ?? [];
  if ((major - OLDEST_GIT[0] || minor - OLDEST_GIT[1]) < 0) {
    end(
      EXIT_INFRASTRUCTURE,
      `git ${version} is too old: install git ${OLDEST_GIT.join('.')} or newer and type the command again.`,
    );
  }
  if (!isInstalled()) {
    if (!hasGlibc()) {
      end(
        EXIT_INFRASTRUCTURE,
        'Slipway needs glibc, which this Linux does not have (Alpine, for one): take a distribution that has it, as Debian.',
      );
    }
    alone(() => {
      installPackages();
      installNode();
    });
  }
  if (verb === 'run') hand(resolve(script), args);
}

function isInstalled() {
  return installedPackages() === wantedPackages() && runs(node);
}

/** `npm ci` when the lock file is not the one that was installed last. */
function installPackages() {
  const wanted = wantedPackages();
  if (installedPackages() === wanted) return;
  say('installing packages with npm ci (about a minute, once)');
  // Node is among those for development, which NODE_ENV=production leaves out.
  npm(['ci', '--include=dev', '--no-audit', '--no-fund'], 'The packages could not be installed');
  writeFileSync(stamp, `${wanted}\n`);
}

/** Whether the packages that bring programs have them for this machine. */
function hasGlibc() {
  // Else it looks up the names of all connections.
  process.report.excludeNetwork = true;
  return process.platform !== 'linux' || process.report.getReport().header.glibcVersionRuntime !== undefined;
}

function wantedPackages() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function installedPackages() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : '';
}

/** The `node` package brings its program by an install script, which some configurations of npm leave out. */
function installNode() {
  if (runs(node)) return;
  say('installing the Node that Slipway runs on');
  npm(['rebuild', 'node', '--ignore-scripts=false'], 'Node could not be installed');
  if (!runs(node))
    end(
      EXIT_INFRASTRUCTURE,
      `Node could not be installed: there is no working ${node}. Type: npm rebuild node`,
    );
}

/** Does what only one process may do at a time in this checkout; others wait. One that was killed is in nobody's way. */
function alone(work) {
  take();
  const release = () => unlinkSync(lock);
  process.on('exit', release);
  work();
  process.off('exit', release);
  release();
}

/** As in stack/process-lock.ts, but that of two heirs at once both may go on. */
function take() {
  for (let hasTold = false; ;) {
    try {
      return symlinkSync(identify(process.pid), lock);
    } catch (error) {
      if (error.code !== 'EEXIST') end(EXIT_INFRASTRUCTURE, `${lock} cannot be made: ${error.message}`);
    }
    try {
      const holder = readlinkSync(lock);
      const pid = Number.parseInt(holder, 10);
      if (identify(pid) === holder) {
        if (!hasTold) say(`process ${pid} installs packages here; waiting for it`);
        hasTold = true;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
      } else unlinkSync(lock);
    } catch ({ code, message }) {
      // Else it was given up in this moment.
      if (code !== 'ENOENT') end(EXIT_INFRASTRUCTURE, `${lock} is in the way: ${message}`);
    }
  }
}

/** Tells a process from a later one of its number; undefined of one that has ended. Without /proc the number has to do. */
function identify(pid) {
  try {
    process.kill(pid, 0);
    const hasProc = existsSync('/proc/self/stat');
    const fields = hasProc ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ') : [];
    return fields[2] === 'Z' ? undefined : `${pid} ${fields[21]}`;
  } catch {
    return undefined;
  }
}

function npm(args, failure) {
  // Under `npm run` this is the very npm that was called; its settings for that script must not reach the inner one.
  const cli = process.env.npm_execpath;
  const [program, before] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  // npm writes to stderr, so that what a script prints on stdout stays its own.
  const done = spawnSync(program, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (done.error)
    end(
      EXIT_INFRASTRUCTURE,
      `${failure}: npm cannot be started (${done.error.message}). Install npm and type the command again.`,
    );
  if (done.status !== 0)
    end(
      EXIT_INFRASTRUCTURE,
      `${failure}: npm ${args[0]} ended with ${done.status ?? done.signal}; what it printed says why.`,
    );
}

function runs(program) {
  return existsSync(program) && spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Becomes the script as far as Node can: same terminal, signals passed on, its exit code. */
function hand(script, args) {
  const path = `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`;
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', script, ...args], {
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, PATH: path },
  });
  // A terminal sends its signals to the whole group, so the child has them already; those sent to us alone are passed on.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  for (const signal of ['SIGINT', 'SIGQUIT'])
    process.on(signal, () => process.stdin.isTTY || child.kill(signal));
  child.once('error', (error) => end(EXIT_INFRASTRUCTURE, `${node} cannot be started: ${error.message}`));
  child.once('close', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function say(message) {
  console.error(`slipway: ${message}`);
}

function end(code, message) {
  say(message);
  process.exit(code);
}
