import { describe, expect, it } from '@jest/globals';
import { planPrivateEngine, privateEngineConfig } from '../../../docker/dind/private-engine-config.ts';
import { hostProxies } from '../../../docker/sidecar/host-proxies.ts';

describe('the proxies of this machine', () => {
  it('are those of its variables, in whichever case, with the exceptions', () => {
    const proxies = {
      HTTP_PROXY: 'http://proxy.example:3128',
      https_proxy: 'http://user:127.0.0.1@proxy.example:3128/',
      all_proxy: 'socks5h://127.example:1080',
      NO_PROXY: 'localhost,127.0.0.1,.example',
      no_proxy: 'localhost',
    };

    expect(hostProxies({ ...proxies, HTTPS_PROXY: '', PATH: '/bin', GIT_PROXY_COMMAND: 'x' })).toEqual(
      proxies,
    );
  });

  it.each([
    'http://127.0.0.1:3128',
    'http://user:secret@127.8.8.8:3128',
    'localhost:3128',
    'http://LOCALHOST',
    'socks5://[::1]:1080/',
  ])('are none at %s, which in a container is another place', (proxy) => {
    expect(hostProxies({ HTTP_PROXY: proxy, NO_PROXY: '.example' })).toEqual({});
    expect(hostProxies({ http_proxy: proxy, HTTPS_PROXY: 'http://a.example' })).toEqual({
      HTTPS_PROXY: 'http://a.example',
    });
  });

  it('are told to the private engines of tasks', () => {
    const spec = {
      container: 'c',
      image: 'sidecar',
      makeImage: () => Promise.resolve(),
      labels: {},
      resources: { pids: 1 },
    };
    const machine = { nameservers: ['192.0.2.1'], privileged: true, cpus: 1 };
    const proxies = { https_proxy: 'http://proxy.example:3128' };

    expect(privateEngineConfig(planPrivateEngine(spec, 'f'), spec, { ...machine, proxies }).Env).toEqual([
      'SLIPWAY_NAMESERVERS=192.0.2.1',
      'https_proxy=http://proxy.example:3128',
    ]);
  });
});
