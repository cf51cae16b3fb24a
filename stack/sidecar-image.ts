import { join } from 'node:path';
import { connectEngine } from '../docker/connect.ts';
import {
  chosenSidecarImage,
  sidecarContext,
  sidecarEngineVersion,
  sidecarImageTag,
} from '../docker/sidecar/sidecar-image.ts';
import type { ImageBuildFailed } from '../model/errors.ts';
import { isSlipwayError, SetupFailed } from '../model/errors.ts';
import { forgetUnused } from '../model/forget-unused.ts';
import type { Connections } from '../model/schema/connections.ts';
import { openStore } from '../store/open-store.ts';
import { cacheDirectory } from './cache-directory.ts';
import { EngineAccess } from './engine-access.ts';
import { loadCachedImage } from './load-cached-image.ts';
import { reportStep } from './report-step.ts';
import type { Note } from './report-step.ts';
import type { StackOptions } from './stack-options.ts';

export interface SidecarImageOptions {
  /** Address of the engine that needs the image. It has the base image already. */
  readonly engine: string;
  readonly store: Connections['store'];
  readonly fleet: string;
}

const NOTE_EVERY_MS = 10_000;
const PULL_IDLE_MS = 60_000;

/**
 * Makes sure that the engine has the image of the builder's sidecar: the one that `SLIPWAY_SIDECAR_IMAGE` names, pulled where the
 * engine lacks it; else ours, as the engine has it, from the user's cache, or built from our own Dockerfile and kept there. Gives its
 * name. @throws {SetupFailed}
 */
export async function ensureSidecarImage(
  wanted: SidecarImageOptions,
  options: StackOptions,
): Promise<string> {
  const access = new EngineAccess(wanted.engine);
  const tag = chosenSidecarImage(options.env['SLIPWAY_SIDECAR_IMAGE']);
  if (tag !== sidecarImageTag()) {
    if (!(await access.hasImage(tag))) await pull(access, tag, options);
    return tag;
  }
  const version = tag.slice(tag.lastIndexOf(':') + 1);
  const cached = join(
    cacheDirectory(options.env),
    'images',
    `sidecar-${version}-${await access.architecture()}.tar`,
  );
  const isThere = await access.hasImage(tag);
  if (!isThere) await load(access, { ...wanted, tag, cached }, options);
  await forgetUnused(cached, (name) => name.startsWith('sidecar-') && name.endsWith('.tar'));
  return tag;
}

async function pull(access: EngineAccess, given: string, options: StackOptions): Promise<void> {
  await reportStep(options, 'sidecar image', {
    doing: `pulling ${given}, which SLIPWAY_SIDECAR_IMAGE names`,
    done: () => `pulled ${given}`,
    run: async () => {
      try {
        await access.pullImage(given, { idleMs: PULL_IDLE_MS, signal: options.signal });
      } catch (error) {
        options.signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        const todo = `Bring it into the engine (docker pull ${given}), or unset SLIPWAY_SIDECAR_IMAGE`;
        throw new SetupFailed(`The sidecars' image ${given} cannot be had`, why, todo, { cause: error });
      }
    },
  });
}

async function load(
  access: EngineAccess,
  { tag, cached, ...wanted }: SidecarImageOptions & { readonly tag: string; readonly cached: string },
  options: StackOptions,
): Promise<void> {
  await loadCachedImage(
    access,
    {
      part: 'sidecar image',
      title: "the builder's image",
      reference: tag,
      path: cached,
      make: (aside) =>
        reportStep(options, 'sidecar image', {
          doing: `building the builder's image ${tag} (installs Docker Engine ${sidecarEngineVersion()} from the distribution, once), kept in ${cached}`,
          done: () => `the builder's image ${tag} was built`,
          run: async (note) => {
            await build(wanted, tag, { ...options, note });
            await access.saveImage(tag, aside, options.signal);
          },
        }),
      otherwise: `Remove ${cached}, or set SLIPWAY_BUILDER_DOCKER_HOST to an engine for builds`,
    },
    options,
  );
}

async function build(
  { engine: address, store: connection, fleet }: SidecarImageOptions,
  tag: string,
  options: StackOptions & { readonly note: Note },
): Promise<void> {
  const store = openStore(connection);
  const engine = await connectEngine({ address, blobs: store.blobs, reach: { kind: 'none' }, fleet });
  let noted = Date.now();
  try {
    await engine.images.build(sidecarContext(), {
      imageName: 'sidecar',
      tag,
      args: {},
      signal: options.signal,
      onOutput: (text) => {
        if (Date.now() - noted < NOTE_EVERY_MS) return;
        noted = Date.now();
        options.note(text.trim().split('\n').at(-1) ?? '');
      },
    });
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
    const todo =
      "See that containers reach the distribution's packages, or name another image by SLIPWAY_SIDECAR_IMAGE, or an engine for builds by SLIPWAY_BUILDER_DOCKER_HOST";
    const why = error.type === 'ImageBuildFailed' ? (error as ImageBuildFailed).lastWords : error.message;
    throw new SetupFailed("The builder's image could not be built", why, todo, { cause: error });
  } finally {
    await engine.close();
    store.close();
  }
}
