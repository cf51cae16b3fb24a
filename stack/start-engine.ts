import { whyTooOld } from '../docker/usable-engine.ts';
import { EngineAccess } from './engine-access.ts';
import { chooseOctet, engineNetwork, ensureEngineNetwork } from './engine-network.ts';
import { ensureEnginePackages, whyNotRoot } from './engine-packages.ts';
import { SetupFailed } from '../model/errors.ts';
import { explainNoEngine, findEngine, lookForEngine } from './find-engine.ts';
import type { FoundEngine } from './find-engine.ts';
import { widePath } from './find-program.ts';
import { forgetBrokenNetworks } from './forget-broken-networks.ts';
import { privateEngineAddress, privateEngineProcess, removeStaleFiles } from './private-engine.ts';
import { reportStep } from './report-step.ts';
import { startProcess, stopProcess } from './stack-context.ts';
import type { StackContext } from './stack-context.ts';
import type { ProcessSpec } from './supervise.ts';

const START_TIMEOUT_MS = 60_000;

export interface StartedEngine {
  readonly address: string;
  /** Whether it is this stack's own and ends with it. */
  readonly isPrivate: boolean;
}

/** Takes the engine that the environment names or the host runs, else starts one of its own; gives it once it answers. */
export async function startEngine(context: StackContext): Promise<StartedEngine> {
  const { options } = context;
  const { found, refusing } = await lookForEngine(options.env);
  if (found) return takeEngine(context, found);
  const whyNot = whyNotRoot();
  if (whyNot) {
    const { why, todo } = explainNoEngine(refusing);
    throw new SetupFailed(
      'No Docker Engine can be used',
      `${why}, and a private one cannot be started (${whyNot})`,
      todo,
    );
  }
  const dockerd = await ensureEnginePackages(options);
  // Where services start by themselves, installing the package has brought up the host's engine.
  const brought = await findEngine(options.env);
  if (brought) return takeEngine(context, brought);
  return startPrivateEngine(context, dockerd);
}

function takeEngine({ options }: StackContext, found: FoundEngine): StartedEngine {
  const wrong = whyTooOld(found.version);
  if (wrong)
    throw new SetupFailed(
      `Docker Engine at ${found.address} (${found.source}) cannot be used`,
      `it ${wrong.why}, and is ${found.version}`,
      `${wrong.todo}, or set SLIPWAY_DOCKER_HOST to another engine`,
    );
  const message = `Docker Engine ${found.version} at ${found.address} (${found.source}) is used`;
  options.onProgress({ part: 'engine', state: 'done', message, elapsedMs: 0 });
  return { address: found.address, isPrivate: false };
}

async function startPrivateEngine(context: StackContext, dockerd: string): Promise<StartedEngine> {
  const { options, paths, settings } = context;
  const address = privateEngineAddress(paths);
  const env = { ...options.env, PATH: widePath(options.env) };
  await reportStep(options, 'engine', {
    doing: `starting a private Docker Engine at ${address}, its data in ${paths.engine}`,
    done: (version) => `private Docker Engine ${version} answers at ${address}`,
    run: async (note) => {
      const octet = await chooseOctet(paths, settings.value.engineOctet, { env, signal: options.signal });
      settings.update({ engineOctet: octet });
      const network = engineNetwork(paths, octet);
      await ensureEngineNetwork(network, { env, signal: options.signal });
      await removeStaleFiles(paths);
      const spec = await privateEngineProcess(dockerd, paths, { network, env: options.env });
      try {
        return await runEngine(context, spec, address);
      } catch (error) {
        options.signal.throwIfAborted();
        if (!(await forgetBrokenNetworks(paths))) throw error;
        note('its record of networks was broken by a kill; it starts without it');
        await removeStaleFiles(paths);
        return runEngine(context, spec, address);
      }
    },
  });
  return { address, isPrivate: true };
}

/** Gives the version once it answers; one that does not come is ended. */
async function runEngine(context: StackContext, spec: ProcessSpec, address: string): Promise<string> {
  const engine = await startProcess(context, spec);
  const api = new EngineAccess(address);
  try {
    await engine.waitUntil(() => api.version(5_000), {
      timeoutMs: START_TIMEOUT_MS,
      signal: context.options.signal,
    });
  } catch (error) {
    await stopProcess(context, engine);
    throw error;
  }
  return api.version(5_000);
}
