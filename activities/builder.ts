import { buildImage } from '../steps/build-image.ts';
import type { BuildImageDeps } from '../steps/build-image.ts';
import type { ImportBaseDeps } from '../steps/import-base.ts';
import { importBase } from '../steps/import-base.ts';
import { renewBase } from '../steps/renew-base.ts';
import { carryOut } from './carry-out.ts';
import type { BuilderActivities } from './contracts.ts';

/** All but an engine or store that is away, or networks that are all in use, is final then: it does not pass by itself. */
const ENOUGH = { enoughAttempts: 12 };

/** The activities of a builder worker. */
export function createBuilderActivities(deps: BuildImageDeps & ImportBaseDeps): BuilderActivities {
  return {
    importBase: (input) => carryOut((context) => importBase(deps, input, context), ENOUGH),
    renewBase: (input) => carryOut((context) => renewBase(deps, input, context), ENOUGH),
    buildImage: (input) => carryOut((context) => buildImage(deps, input, context), ENOUGH),
  };
}
