import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface AskedContext {
  /** The root of a checkout. */
  readonly directory: string;
  readonly context: string;
  readonly args: Readonly<Record<string, string>>;
}

export type TaskgraphAnswer = { readonly contextHash: string } | { readonly refused: string };

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const SCRIPT = `
import json, sys
from taskgraph.util.docker import generate_context_hash
for line in sys.stdin:
    directory, context, args = json.loads(line)
    try:
        answer = {"contextHash": generate_context_hash(directory, context, args)}
    except Exception as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
`;
const run = promisify(execFile);

/** Asks taskgraph for the context hashes of many checkouts, in one process; gives what it says of each, in their order. */
export async function hashByTaskgraph(
  python: string,
  contexts: readonly AskedContext[],
): Promise<TaskgraphAnswer[]> {
  const asked = run(python, ['-W', 'ignore', '-c', SCRIPT], {
    // Whatever the locale is here: texts are UTF-8, as on every machine that runs decision tasks.
    env: { ...process.env, PYTHONUTF8: '1' },
    maxBuffer: MAX_ANSWER_BYTES,
  });
  const questions = contexts.map(({ directory, context, args }) =>
    JSON.stringify([directory, context, args]),
  );
  // Where it ends early, its own words say why.
  asked.child.stdin?.on('error', () => undefined).end(questions.join('\n'));
  const { stdout } = await asked;
  const answers = stdout.trim().split('\n');
  if (answers.length !== contexts.length)
    throw new Error(`taskgraph gave ${answers.length} answers to ${contexts.length} questions`);
  return answers.map((answer) => JSON.parse(answer) as TaskgraphAnswer);
}
