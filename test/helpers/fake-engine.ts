import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Docker from 'dockerode';
import { dockerAt } from '../../docker/client.ts';

export interface FakeEngine extends AsyncDisposable {
  readonly address: string;
  readonly docker: Docker;
  /** Its images: ids, with the names of each. */
  readonly images: Map<string, Set<string>>;
}

/** What it answers by method and path, instead of what it would. */
export type Answers = Readonly<Record<string, (response: ServerResponse) => void>>;

const FACTS = { ID: 'e', ServerVersion: '20', ApiVersion: '1.41', OSType: 'linux', Architecture: 'x86_64' };

/** Speaks as much of an engine's API as it takes to list, name and remove images; it has nothing else, and no bytes. */
export async function startFakeEngine(answers: Answers = {}): Promise<FakeEngine> {
  const images = new Map<string, Set<string>>();
  const server = createServer((request, response) => {
    const method = request.method ?? '';
    const url = new URL(request.url ?? '', 'http://engine');
    const path = decodeURIComponent(url.pathname);
    const own = answers[`${method} ${path}`];
    if (own) return own(response);
    const found = answer(images, method, path, url.searchParams);
    tell(response, found === undefined ? 404 : 200, found ?? { message: `no such thing: ${path}` });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    docker: dockerAt(address),
    images,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with a document. */
export function tell(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

function answer(
  images: Map<string, Set<string>>,
  method: string,
  path: string,
  query: URLSearchParams,
): unknown {
  if (method === 'GET' && ['/info', '/version'].includes(path)) return FACTS;
  if (method === 'GET' && path === '/containers/json') return [];
  if (method === 'GET' && path === '/volumes') return { Volumes: [] };
  if (method === 'GET' && path === '/images/json') return list(images, query);
  const [, reference = '', what] = /^\/images\/(.+?)(?:\/(json|tag|history))?$/.exec(path) ?? [];
  const id = [...images.keys()].find((one) => one === reference || images.get(one)?.has(reference));
  const names = id === undefined ? undefined : images.get(id);
  if (id === undefined || !names) return undefined;
  switch (`${method} ${what ?? ''}`) {
    case 'GET json':
      return recordOf(id, names);
    case 'GET history':
      return [];
    case 'POST tag':
      names.add(`${query.get('repo') ?? ''}:${query.get('tag') ?? ''}`);
      return {};
    case 'DELETE ':
      names.delete(reference);
      if (names.size === 0 || reference === id) images.delete(id);
      return [];
    default:
      return undefined;
  }
}

/** A filtered list has only those names of an image that it was asked for. */
function list(images: Map<string, Set<string>>, query: URLSearchParams): readonly object[] {
  const { reference } = JSON.parse(query.get('filters') ?? '{}') as { reference?: readonly string[] };
  const isWanted = (name: string): boolean => reference?.some((one) => name.startsWith(`${one}:`)) ?? true;
  return [...images].flatMap(([id, names]) => {
    const wanted = [...names].filter(isWanted);
    return wanted.length === 0 ? [] : [recordOf(id, wanted)];
  });
}

function recordOf(id: string, names: Iterable<string>): object {
  return {
    Id: id,
    RepoTags: [...names],
    RepoDigests: [],
    Size: 1_000,
    Created: 1,
    RootFS: { Layers: ['a'] },
  };
}
