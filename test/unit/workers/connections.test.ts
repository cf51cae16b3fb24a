import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { findStore } from '../../../client/cli/find-store.ts';
import { givenTemporal } from '../../../model/schema/connections.ts';
import { serverConfigPath } from '../../../model/server-config-path.ts';
import {
  givenConnections,
  ownStateDirectory,
  readConnections,
  stateDirectory,
  stateDirectoryToStop,
} from '../../../workers/connections.ts';
import { givenMetricsAddress } from '../../../workers/metrics-address.ts';
import { temporalOptions } from '../../../workers/temporal-options.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

let scratch: ReturnType<typeof scratchDirectory>;
let here: string;
let checkout: string;
const before = process.cwd();

beforeEach(() => {
  scratch = scratchDirectory();
  here = join(realpathSync(scratch.path), 'repository');
  checkout = join(realpathSync(scratch.path), 'checkout', '.slipway');
  mkdirSync(here);
  process.chdir(here);
});

afterEach(() => {
  jest.restoreAllMocks();
  process.chdir(before);
  scratch[Symbol.dispose]();
});

function runIn(directory: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'stack.json'), '{}');
}

describe('stateDirectory', () => {
  it("is the working directory's, unless only the checkout of Slipway has a stack that runs", () => {
    const own = join(here, '.slipway');

    expect(stateDirectory({}, checkout)).toBe(own);
    runIn(checkout);
    expect(stateDirectory({}, checkout)).toBe(checkout);
    // What a local run left here is no stack.
    mkdirSync(own);
    expect(stateDirectory({}, checkout)).toBe(checkout);
    runIn(own);
    expect(stateDirectory({}, checkout)).toBe(own);
  });

  it('is that of the nearest directory above with a stack, if nobody else has made it', () => {
    const nested = join(here, 'packages', 'one');
    mkdirSync(nested, { recursive: true });
    process.chdir(nested);
    runIn(checkout);
    runIn(join(dirname(here), '.slipway'));

    expect(stateDirectory({}, checkout)).toBe(join(dirname(here), '.slipway'));
    runIn(join(here, '.slipway'));
    expect(stateDirectory({}, checkout)).toBe(join(here, '.slipway'));
    expect(stateDirectory({ SLIPWAY_HOME: 'own' }, checkout)).toBe(join(nested, 'own'));
    expect(ownStateDirectory({})).toBe(join(nested, '.slipway'));
    jest.spyOn(process, 'getuid').mockReturnValue(4711);
    expect(stateDirectory({}, checkout)).toBe(checkout);
  });

  it('is what SLIPWAY_HOME says, whatever runs elsewhere', () => {
    runIn(checkout);

    expect(stateDirectory({ SLIPWAY_HOME: '/var/lib/slipway' }, checkout)).toBe('/var/lib/slipway');
    expect(ownStateDirectory({ SLIPWAY_HOME: 'elsewhere' })).toBe(join(here, 'elsewhere'));
  });

  it("is not the checkout's where the environment names a whole installation, nor for a stack that is started here", () => {
    const temporal = { TEMPORAL_ADDRESS: 'temporal.example:7233' };
    runIn(checkout);

    expect(stateDirectory(temporal, checkout)).toBe(checkout);
    expect(stateDirectory({ ...temporal, SLIPWAY_S3_BUCKET: 'slipway' }, checkout)).toBe(
      join(here, '.slipway'),
    );
    expect(ownStateDirectory({})).toBe(join(here, '.slipway'));
  });
});

describe('stateDirectoryToStop', () => {
  it("is the checkout's where nothing is kept here, but never to delete it", () => {
    const own = join(here, '.slipway');
    runIn(checkout);

    expect(stateDirectoryToStop({}, { purge: false }, checkout)).toBe(checkout);
    expect(stateDirectoryToStop({}, { purge: true }, checkout)).toBe(own);
    mkdirSync(own);
    expect(stateDirectoryToStop({}, { purge: false }, checkout)).toBe(own);
  });
});

describe('givenTemporal', () => {
  const address = 'temporal.example:7233';
  const given = (env: NodeJS.ProcessEnv): unknown => {
    const { tls, apiKey } = givenTemporal({ TEMPORAL_ADDRESS: address, ...env }) ?? {};
    return { tls, apiKey };
  };

  it('is none without an address', () => {
    expect(givenTemporal({ TEMPORAL_API_KEY: 'x' })).toBeUndefined();
  });

  it.each<[string, NodeJS.ProcessEnv, unknown]>([
    ['nothing', {}, { tls: undefined, apiKey: undefined }],
    ['TEMPORAL_TLS', { TEMPORAL_TLS: 'true' }, { tls: {}, apiKey: undefined }],
    ['an API key', { TEMPORAL_API_KEY: 'secret' }, { tls: {}, apiKey: 'secret' }],
    [
      'an API key without TLS',
      { TEMPORAL_API_KEY: 'secret', TEMPORAL_TLS: 'false' },
      { tls: undefined, apiKey: 'secret' },
    ],
    [
      'files',
      {
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/ca.pem',
        TEMPORAL_TLS_CLIENT_CERT_PATH: '/cert.pem',
        TEMPORAL_TLS_CLIENT_KEY_PATH: '/key.pem',
        TEMPORAL_TLS_SERVER_NAME: 'temporal',
      },
      {
        tls: { caFile: '/ca.pem', certFile: '/cert.pem', keyFile: '/key.pem', serverName: 'temporal' },
        apiKey: undefined,
      },
    ],
  ])('reads %s', (_what, env, expected) => {
    expect(given(env)).toEqual(expected);
  });

  it('has absolute paths, since what up writes down is read from everywhere', () => {
    expect(given({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'certs/ca.pem' })).toMatchObject({
      tls: { caFile: join(here, 'certs', 'ca.pem') },
    });
  });

  it.each<[NodeJS.ProcessEnv, RegExp]>([
    [{ TEMPORAL_TLS_CLIENT_CERT_PATH: '/cert.pem' }, /belong together/],
    [{ TEMPORAL_TLS: 'perhaps' }, /can be true or false/],
  ])('refuses %j', (env, why) => {
    expect(() => given(env)).toThrow(why);
  });

  it('stands in the connections that the environment gives', async () => {
    const env = {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_API_KEY: 'secret',
      SLIPWAY_S3_BUCKET: 'bucket',
    };

    expect((await readConnections(env)).temporal).toMatchObject({ address, apiKey: 'secret', tls: {} });
  });
});

describe('givenConnections', () => {
  const named = { TEMPORAL_ADDRESS: 'temporal.example:7233', SLIPWAY_S3_BUCKET: 'bucket' };

  it('are those of an environment that names Temporal and a bucket, whatever is written in the state directory', () => {
    runIn(join(here, '.slipway'));

    expect(givenConnections(named, here)).toMatchObject({
      temporal: { address: named.TEMPORAL_ADDRESS },
      store: { bucket: 'bucket' },
      stateDirectory: here,
    });
    for (const [name] of Object.entries(named))
      expect(givenConnections({ ...named, [name]: undefined }, here)).toBeUndefined();
  });

  it('have both keys of the store or none', async () => {
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

    expect(givenConnections({ ...named, ...keys }, here)?.store).toMatchObject({
      accessKeyId: 'id',
      secretAccessKey: 'secret',
    });
    expect(givenConnections(named, here)?.store.accessKeyId).toBeUndefined();
    for (const name of Object.keys(keys))
      await expect(readConnections({ ...named, ...keys, [name]: '' })).rejects.toThrow(
        'Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set',
      );
  });
});

describe('givenMetricsAddress', () => {
  it.each(['127.0.0.1:9464', '0.0.0.0:1', '[::1]:9464'])('takes %s', (address) => {
    expect(givenMetricsAddress({ SLIPWAY_METRICS_ADDRESS: address })).toBe(address);
  });

  it.each(['9464', 'localhost:9464', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:70000', '::1:9464'])(
    'refuses %s, which the SDK cannot bind',
    (address) => {
      expect(() => givenMetricsAddress({ SLIPWAY_METRICS_ADDRESS: address })).toThrow(
        `SLIPWAY_METRICS_ADDRESS is "${address}"`,
      );
    },
  );

  it('is nowhere unless it is said', () => {
    expect(givenMetricsAddress({ SLIPWAY_METRICS_ADDRESS: '' })).toBeUndefined();
  });
});

describe('the server’s configuration', () => {
  const temporal = { TEMPORAL_ADDRESS: 'temporal.example:7233', SLIPWAY_S3_BUCKET: 'bucket' };

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['in the state directory', {}, '.slipway/slipway.config.yml'],
    ['there too where the variable is empty', { SLIPWAY_CONFIG: '' }, '.slipway/slipway.config.yml'],
    ['where SLIPWAY_CONFIG says, from here', { SLIPWAY_CONFIG: 'own.yml' }, 'own.yml'],
  ])('is %s', async (_where, env, expected) => {
    const path = join(here, expected);

    expect(serverConfigPath(join(here, '.slipway'), env)).toBe(path);
    expect((await readConnections({ ...temporal, ...env })).serverConfig).toBe(path);
    mkdirSync(join(here, '.slipway'));
    writeFileSync(path, 'version: 1\nlocalProjects: false\n');
    expect(await findStore({ env })).toMatchObject({
      why: 'no stack runs',
      config: { localProjects: false },
    });
  });
});

describe('temporalOptions', () => {
  it('reads the files, each time anew', () => {
    const caFile = join(here, 'ca.pem');
    const temporal = { address: 'temporal.example:7233', namespace: 'default', tls: { caFile } };
    writeFileSync(caFile, 'one');
    expect(temporalOptions(temporal).tls).toEqual({ serverRootCACertificate: Buffer.from('one') });
    writeFileSync(caFile, 'two');
    expect(temporalOptions(temporal).tls).toEqual({ serverRootCACertificate: Buffer.from('two') });
  });

  it('names a file that cannot be read', () => {
    const temporal = { address: 'a:1', namespace: 'default', tls: { caFile: '/no/such.pem' } };
    expect(() => temporalOptions(temporal)).toThrow('/no/such.pem, for Temporal, cannot be read');
  });

  it('is plain where nothing is said', () => {
    expect(temporalOptions({ address: 'a:1', namespace: 'default' })).toEqual({ address: 'a:1' });
  });
});
