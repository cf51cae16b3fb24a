/** Runs a stack as `up` does, for tests that kill it: `run-stack.ts STATE_DIRECTORY`. Prints its connections once all answers. */
import { startStack } from '../../stack/start-stack.ts';

const stack = await startStack({
  stateDirectory: process.argv[2]!,
  env: process.env,
  signal: new AbortController().signal,
  onProgress: ({ part, state, message }) => console.error(`${part} ${state}: ${message}`),
  workers: [{ name: 'worker-1', command: ['sleep', '100000'], env: {} }],
});
console.log(JSON.stringify(stack.connections));
process.on('SIGTERM', () => void stack.stop());
