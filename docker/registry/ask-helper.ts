import { execFile } from 'node:child_process';
import { ConfigInvalid, EngineRequestFailed } from '../../model/errors.ts';
import { helperAnswerSchema } from '../../model/schema/docker-config.ts';
import type { RegistryCredential } from './registry-credential.ts';

/** It may ask a service elsewhere, and never a person. */
const ANSWER_MS = 20_000;

/** What all helpers say when they have nothing for a registry. */
const NOTHING_FOUND = 'credentials not found in native keychain';

/** In place of a user's name it says that the secret is an identity token. */
const TOKEN_USER = '<token>';

export interface HelperQuestion {
  /** Which file names the helper. */
  readonly namedBy: string;
  /** What the credential is wanted for. */
  readonly doing: string;
  readonly signal: AbortSignal;
  readonly answerMs?: number;
}

/**
 * Asks `docker-credential-NAME` for the credential of a registry; undefined when it has none.
 *
 * @throws {ConfigInvalid} when there is no such program, or it gives something else. @throws {EngineRequestFailed} when it fails, or not within 20 s.
 */
export async function askHelper(
  name: string,
  key: string,
  question: HelperQuestion,
): Promise<RegistryCredential | undefined> {
  const { namedBy, doing, signal, answerMs = ANSWER_MS } = question;
  const program = `docker-credential-${name}`;
  const { error, stdout, stderr } = await run(program, key, { signal, timeout: answerMs });
  signal.throwIfAborted();
  if (!error) return readAnswer(stdout, `${program}, which ${namedBy} names,`);
  if (stdout.trim() === NOTHING_FOUND) return undefined;
  if (error.code === 'ENOENT' || error.code === 'EACCES')
    throw new ConfigInvalid(
      `${namedBy} names the credential helper ${program}, which is not on PATH or cannot be run (${error.code})`,
    );
  const why = error.killed ? `it gave no answer within ${answerMs / 1000} s` : lastWords(stderr, stdout);
  throw new EngineRequestFailed(doing, undefined, `${program} gave no credentials for "${key}": ${why}`);
}

interface Ended {
  readonly error: (Error & { readonly code?: unknown; readonly killed?: boolean }) | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  program: string,
  input: string,
  options: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      ['get'],
      { ...options, env: process.env, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve({ error, stdout, stderr }),
    );
    // One that ends without reading is told by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function readAnswer(stdout: string, who: string): RegistryCredential | undefined {
  const { data } = helperAnswerSchema.safeParse(unlessBroken(stdout));
  if (!data) throw new ConfigInvalid(`${who} printed something else than Username and Secret`);
  const { Username: username, Secret: secret } = data;
  if (secret === '') return undefined;
  return username === TOKEN_USER ? { identitytoken: secret } : { username, password: secret };
}

function unlessBroken(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Helpers write on stdout what went wrong; what looks like an answer is shown to nobody. */
function lastWords(stderr: string, stdout: string): string {
  const said = [stderr, stdout].map((text) => text.trim()).find((text) => text !== '' && !text.includes('{'));
  return said?.split('\n').at(-1)?.slice(0, 300) ?? 'it said nothing';
}
