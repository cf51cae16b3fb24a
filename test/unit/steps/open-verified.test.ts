import { describe, expect, it } from '@jest/globals';
import { describeImages } from '../../../images/describe-images.ts';
import type { ImageInputs } from '../../../model/schema/plan.ts';
import { openVerified } from '../../../steps/build-in-engine.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const DOCKERFILE = 'FROM debian:12 AS base-arm64\nFROM alpine:3 AS base-amd64\nFROM base-${TARGETARCH}\n';
const TREE = memoryTree({ 'a/Dockerfile': DOCKERFILE });

async function planned(
  platform: string,
): Promise<{ readonly inputs: ImageInputs; readonly imageHash: string }> {
  const { images } = await describeImages(TREE, { a: { context: 'a' } }, ['a'], {
    platform,
    resolveBase: () => Promise.resolve('sha256:aa'),
  });
  const { inputs, imageHash } = images[0] ?? {};
  if (!inputs || !imageHash) throw new Error('The image was not described');
  return { inputs, imageHash };
}

describe('openVerified', () => {
  const image = { name: 'a', context: 'a', hasParent: false };
  const { signal } = new AbortController();

  it.each(['linux/amd64', 'linux/arm64'])('opens for %s what was planned for it', async (platform) => {
    const { inputs, imageHash } = await planned(platform);

    const context = await openVerified(TREE, { ...image, inputs, imageHash }, signal);

    expect(context.contextHash).toBe(inputs.contextHash);
    expect(context.bases).toEqual(['alpine:3', 'debian:12']);
  });

  it('refuses what was planned otherwise', async () => {
    const { inputs } = await planned('linux/amd64');
    const { imageHash } = await planned('linux/arm64');

    await expect(openVerified(TREE, { ...image, inputs, imageHash }, signal)).rejects.toMatchObject({
      type: 'ImageHashMismatch',
    });
  });
});
