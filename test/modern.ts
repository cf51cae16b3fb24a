/**
 * Runs tests on the engine that is newest in its sources, with the containerd image store: `npm run test:modern`, the tests that
 * touch an engine; `npm run test:modern -- e2e -t 'fails'`, others. Its builders' sidecars stay what they are, so images built on
 * one kind of store are loaded on the other; where sidecars have the newest engine too is in `test/modern`, with all else that
 * needs both kinds. The engine is made with Go, once, into the user's cache.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureModernEngine } from './helpers/modern-engine.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WHAT = ['modern', 'integration', 'e2e', 'integration/docker-'];

const directory = await ensureModernEngine(process.env, (line) => process.stdout.write(`${line}\n`));
const args = process.argv.slice(2);
const child = spawn(process.execPath, ['test/run.ts', ...(args.length > 0 ? args : WHAT)], {
  cwd: ROOT,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: `${directory}${delimiter}${process.env['PATH'] ?? ''}`,
    SLIPWAY_TEST_STATE: 'test-modern',
    SLIPWAY_TEST_MODERN: directory,
  },
});
const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, forward);
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
