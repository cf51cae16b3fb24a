/** Measures Slipway against what people use otherwise: `npm run bench -- --help`. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StackOptions } from '../stack/stack-options.ts';
import type { BenchOptions } from './options.ts';
import { BenchUsage, readOptions, USAGE } from './options.ts';
import { writeSection } from './write-section.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const say = (line: string): void => void process.stdout.write(`${line}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options) return await bench(options, args);
    say(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof BenchUsage)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}\n`);
    return 2;
  }
}

async function bench(options: BenchOptions, args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const stack: StackOptions = {
    stateDirectory: resolve(ROOT, '.slipway', 'bench'),
    env: process.env,
    signal: interrupted.signal,
    onProgress: ({ part, message }) => say(`[${part}] ${message}`),
  };
  const words = args.map((word) => (word.includes(' ') ? `'${word}'` : word));
  const command = `npm run bench -- ${words.join(' ')}`;
  const page = resolve(ROOT, options.report);
  try {
    for await (const section of sections({ ...options, report: page }, { stack, command })) {
      await writeSection(page, section);
      say(section);
    }
    return 0;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    say('Interrupted: what was being measured is not in the report.');
    return 130;
  }
}

/** Loaded by subject: each needs much that the others do not. */
async function* sections(
  options: BenchOptions,
  { stack, command }: { readonly stack: StackOptions; readonly command: string },
): AsyncGenerator<string, void> {
  const { runs, tasks, logMegabytes } = options;
  switch (options.subject) {
    case 'images': {
      const { benchImages } = await import('./images/bench-images.ts');
      yield* benchImages(options, { stack, say });
      break;
    }
    case 'hash': {
      const { benchHash } = await import('./hash/bench-hash.ts');
      const { stateDirectory: directory, signal } = stack;
      yield await benchHash({ directory, runs, command, say, signal });
      break;
    }
    case 'tasks': {
      const { benchTasks } = await import('./tasks/bench-tasks.ts');
      yield await benchTasks({ stack, runs, tasks, logMegabytes, command, say });
      break;
    }
  }
}
