import { expect, it } from '@jest/globals';
import { chosenSidecarImage, sidecarImageTag } from '../../../docker/sidecar/sidecar-image.ts';

it.each([undefined, '', 'slipway.invalid/sidecar:of-before'])(
  'Sidecars have our own image where %j is given',
  (given) => {
    expect(chosenSidecarImage(given)).toBe(sidecarImageTag());
  },
);

it('Sidecars have the image that is given where its name is somebody’s own', () => {
  expect(chosenSidecarImage('registry.example/sidecar:1')).toBe('registry.example/sidecar:1');
});
