import { BodyMistake, parseBody } from './json-body.ts';
import {
  firstOf,
  judgeContainer,
  judgeExec,
  judgeNetworkName,
  judgeStart,
  judgeUpdate,
  mayBeAnothers,
  networksOf,
} from './judge-container.ts';
import { judgeNetwork } from './judge-network.ts';
import { judgeVolume, quoted } from './judge-volume.ts';

export interface AskedRequest {
  readonly method: string;
  /** As it stands in the request: path and query. */
  readonly url: string;
  readonly contentType?: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

export type Verdict =
  | JudgedBody
  /** It depends on the body. */
  | { readonly kind: 'look'; readonly judge: (body: Buffer) => JudgedBody };

export type JudgedBody =
  | ({ readonly kind: 'refuse' } & Refusal)
  | {
      readonly kind: 'pass';
      /** What is to be sent where a body was judged: what we have read, and nothing that another reader could read otherwise. */
      readonly body?: Buffer;
      /** Pass only if none of these is the host's. */
      readonly networks: readonly string[];
    };

/** Older ones have ways round what is judged here; so says an engine of today too. */
const MIN_API = [1, 24];

const PASS: Verdict = { kind: 'pass', networks: [] };

type BodyJudge = (body: unknown) => string | undefined;

const BODIES: readonly (readonly [RegExp, BodyJudge])[] = [
  [/^\/containers\/create$/, judgeContainer],
  [/^\/containers\/.+\/update$/, judgeUpdate],
  [/^\/containers\/.+\/exec$/, judgeExec],
  [/^\/containers\/.+\/start$/, judgeStart],
  [/^\/volumes\/create$/, judgeVolume],
  [/^\/networks\/create$/, judgeNetwork],
];

/** Whatever is not only read there: it makes the engine start what nobody judges. */
const READ_ONLY = /^\/(plugins|swarm|nodes|services|tasks|secrets|configs)(\/|$)/;

const QUERIES: readonly (readonly [RegExp, (query: URLSearchParams) => string | undefined])[] = [
  [/^\/build$/, judgeBuild],
  [
    /^\/containers\/.+\/start$/,
    (query) => (query.has('checkpoint') || query.has('checkpoint-dir') ? 'checkpoints' : undefined),
  ],
  [/^\/containers\/.+\/checkpoints(\/.*)?$/, () => 'checkpoints'],
];

/** Requests of which the connection becomes a stream when they ask for it. */
const HIJACKED = [
  /^\/containers\/.+\/attach$/,
  /^\/containers\/.+\/attach\/ws$/,
  /^\/exec\/.+\/start$/,
  /^\/session$/,
  /^\/grpc$/,
];

/** What becomes of a request. Nothing is asked of anybody: the same request always has the same answer. */
export function judgeRequest({ method, url, contentType = '' }: AskedRequest): Verdict {
  const target = readTarget(url);
  if ('status' in target) return { kind: 'refuse', ...target };
  const { path, query } = target;
  // The engine would take parameters from such a body, before those of the URL.
  if (/^\s*(application\/x-www-form-urlencoded|multipart\/)/i.test(contentType))
    return { kind: 'refuse', status: 415, message: `Slipway does not pass on ${contentType}` };
  if (method === 'GET' || method === 'HEAD') return PASS;
  if (READ_ONLY.test(path)) return refusal(`${method} ${path}`);
  for (const [pattern, judge] of QUERIES) {
    const refused = pattern.test(path) ? judge(query) : undefined;
    if (refused !== undefined) return refusal(refused);
  }
  const [, judge] = BODIES.find(([pattern]) => pattern.test(path)) ?? [];
  if (!judge || method !== 'POST')
    return {
      kind: 'pass',
      networks: path === '/build' ? query.getAll('networkmode').filter(mayBeAnothers) : [],
    };
  const takesNetworks = judge === judgeContainer;
  return { kind: 'look', judge: (body) => judgeBody(body, judge, { takesNetworks }) };
}

/** Whether a request may turn its connection into a stream. */
export function mayUpgrade(url: string): boolean {
  const target = readTarget(url);
  return 'path' in target && HIJACKED.some((pattern) => pattern.test(target.path));
}

/** The client's session that a build names. */
export function sessionOf(url: string): string | undefined {
  const target = readTarget(url);
  if (!('path' in target) || target.path !== '/build') return undefined;
  return target.query.get('session') ?? undefined;
}

/** What an engine answers to what it refuses, in its own form. */
export function refusal(what: string): { readonly kind: 'refuse' } & Refusal {
  return {
    kind: 'refuse',
    status: 403,
    message: `Slipway refuses this to a task's private engine: ${what}`,
  };
}

function judgeBody(
  bytes: Buffer,
  judge: BodyJudge,
  { takesNetworks }: { readonly takesNetworks: boolean },
): JudgedBody {
  try {
    const body = bytes.length === 0 ? undefined : parseBody(bytes);
    const refused = judge(body);
    if (refused !== undefined) return refusal(refused);
    const rewritten = body === undefined ? bytes : Buffer.from(JSON.stringify(body));
    return { kind: 'pass', body: rewritten, networks: takesNetworks ? networksOf(body) : [] };
  } catch (error) {
    // A body so deep that it cannot be read is a mistake as well.
    if (!(error instanceof BodyMistake) && !(error instanceof RangeError)) throw error;
    return { kind: 'refuse', status: 400, message: `Slipway cannot judge this: ${error.message}` };
  }
}

/** The path without its API version, as the engine will understand it: decoded once. */
function readTarget(url: string): { readonly path: string; readonly query: URLSearchParams } | Refusal {
  const mark = url.indexOf('?');
  const written = mark === -1 ? url : url.slice(0, mark);
  let path: string;
  try {
    path = decodeURIComponent(written);
  } catch {
    return odd(url);
  }
  // The engine would clean such a path, and send whoever asks to another one.
  if (!/^\/[\x21-\x7e]*$/.test(written) || /\0|\/\/|\/\.{1,2}(\/|$)/.test(path)) return odd(url);
  // Engines made with an old Go take it for the end of a parameter, as no client writes it.
  if (mark !== -1 && url.includes(';', mark)) return odd(url);
  const version = /^\/v([0-9.]+)(?=\/|$)/.exec(path);
  const [major = 0, minor = 0] = version?.[1]?.split('.').map(Number) ?? MIN_API;
  if (!(major === MIN_API[0] && minor >= (MIN_API[1] ?? 0)))
    return { status: 400, message: `client version ${version?.[1]} is too old: use 1.24 or later` };
  return {
    path: version ? path.slice(version[0].length) : path,
    query: new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1)),
  };
}

function odd(url: string): Refusal {
  return { status: 400, message: `Slipway does not pass on such a path: ${quoted(url)}` };
}

/** Of `POST /build`. What a build asks for by BuildKit's own protocol, the engine itself refuses: it has no entitlements. */
function judgeBuild(query: URLSearchParams): string | undefined {
  return (
    firstOf(query.getAll('networkmode'), judgeNetworkName) ??
    firstOf(query.getAll('securityopt'), (text) =>
      ['', '[]', 'null'].includes(text) ? undefined : 'security options of a build',
    ) ??
    firstOf(query.getAll('cgroupparent'), (text) => (text === '' ? undefined : 'cgroupparent'))
  );
}
