import { ConfigInvalid } from '../model/errors.ts';
import type { EngineInfo } from './engine.ts';

/** What is wrong with an engine, as the rest of a sentence that begins with it, and what to do. */
export interface WrongEngine {
  readonly why: string;
  readonly todo: string;
}

/** The first version whose answers to what Slipway asks were tried. */
const OLDEST_MAJOR = 20;

/** The first API in which a containerd store tells which parts of an image it has: that of Engine 28. */
const TELLS_PARTS = { major: 1, minor: 48 };

/** Why an engine of that version cannot be used; undefined where it can. What answers as Docker does has numbers of its own. */
export function whyTooOld(version: string): WrongEngine | undefined {
  if (!(Number(version.split('.')[0]) < OLDEST_MAJOR)) return undefined;
  return {
    why: `is older than ${OLDEST_MAJOR}`,
    todo: `Install Docker Engine ${OLDEST_MAJOR} or newer (Podman is none)`,
  };
}

/**
 * Why images cannot be moved to and from an engine; undefined where they can. A containerd store answers well of an image with
 * layers missing: one that does not say which parts of it are there can never be believed to have any.
 */
export function whyUnusable({
  version,
  apiVersion,
  imageStore,
}: Pick<EngineInfo, 'version' | 'apiVersion' | 'imageStore'>): WrongEngine | undefined {
  const [major = NaN, minor = NaN] = apiVersion.split('.').map(Number);
  const isOlder = major < TELLS_PARTS.major || (major === TELLS_PARTS.major && minor < TELLS_PARTS.minor);
  if (imageStore === 'classic' || !isOlder) return undefined;
  return {
    why: `keeps images in the containerd store, which does not tell before version 28 what it has of an image, and is ${version}`,
    todo: 'Install Docker Engine 28 or newer there, or have it keep images in overlay2: "features": { "containerd-snapshotter": false } in its daemon.json',
  };
}

/** @throws {ConfigInvalid} saying why an engine cannot be used, and what to do. */
export function expectUsable(info: EngineInfo, address: string): void {
  const wrong = whyUnusable(info);
  if (wrong) throw new ConfigInvalid(`The Docker Engine at ${address} ${wrong.why}. ${wrong.todo}`);
}
