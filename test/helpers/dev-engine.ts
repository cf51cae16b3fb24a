import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { connectEngine } from '../../docker/connect.ts';
import type { Engine } from '../../docker/engine.ts';
import type { BlobStore } from '../../model/blob-store.ts';

/** The engine that tests may fill and must clean up after themselves. Without it a test file fails as it is loaded. */
export const DEV_ENGINE = devEngineAddress();

function devEngineAddress(): string {
  const address = process.env['SLIPWAY_TEST_ENGINE'];
  if (address) return address;
  throw new Error('SLIPWAY_TEST_ENGINE is not set: name a Docker Engine, as unix:///path');
}

/** A fleet of its own for each test file, so that its sweeping touches nobody else's. */
export function testFleet(): string {
  return `test-${randomBytes(4).toString('hex')}`;
}

/** Connected without a way for images: these tests move none. */
export function connectDevEngine(fleet: string): Promise<Engine> {
  return connectEngine({ address: DEV_ENGINE, blobs: NO_BLOBS, reach: { kind: 'none' }, fleet });
}

/** A build context of these files. */
export function contextOf(files: Readonly<Record<string, string>>): Readable {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}

const refuse = (): never => {
  throw new Error('this test moves no images');
};
/** For engines that move no images in a test. */
export const NO_BLOBS: BlobStore = {
  stat: refuse,
  claim: refuse,
  read: refuse,
  write: refuse,
  writeUnknown: refuse,
};
