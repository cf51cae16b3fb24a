import type { ImageShape } from './make-image.ts';

const MB = 1_000_000;

/** Images of the sizes that benchmarks of the field use. */
export const SHAPES: Readonly<Record<string, ImageShape>> = {
  small: { name: '50 MB, 8 layers', layers: Array.from({ length: 8 }, () => 6.25 * MB) },
  medium: { name: '800 MB, 3 layers', layers: [200 * MB, 550 * MB, 50 * MB] },
  large: { name: '2 GB, 20 layers', layers: Array.from({ length: 20 }, () => 100 * MB) },
};

/** What differs between the image that the target has and the one that is moved to it. */
export interface Scenario {
  readonly name: string;
  /** The first layer that is new; undefined: none is. 0 with `cold`: the target and the store have nothing. */
  readonly from: number | undefined;
  readonly cold?: boolean;
  /** A layer of this size is added at the end. */
  readonly addedBytes?: number;
}

/** Where a layer changes, all after it do. */
export function scenariosOf({ layers }: ImageShape): readonly Scenario[] {
  return [
    { name: 'cold', from: 0, cold: true },
    { name: 'first layer changed', from: 0 },
    { name: 'middle layer changed', from: layers.length >> 1 },
    { name: 'last layer changed', from: layers.length - 1 },
    { name: 'a layer of 5 MB added', from: layers.length, addedBytes: 5 * MB },
    { name: 'a layer of 90 MB added', from: layers.length, addedBytes: 90 * MB },
    { name: 'nothing changed', from: undefined },
  ];
}
