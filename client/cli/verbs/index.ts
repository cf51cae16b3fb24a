import type { RegisterVerb } from '../verb.ts';
import { defineGroup } from '../verb.ts';
import { artifactsVerb } from './artifacts.ts';
import { cancelVerb } from './cancel.ts';
import { doctorVerb } from './doctor.ts';
import { downVerb } from './down.ts';
import { downloadVerb } from './download.ts';
import { gcVerb } from './gc.ts';
import { hookInstallVerb } from './hook-install.ts';
import { hookReceiveVerb } from './hook-receive.ts';
import { imageBuildVerb } from './image-build.ts';
import { imageExportVerb } from './image-export.ts';
import { imageHashVerb } from './image-hash.ts';
import { imageListVerb } from './image-list.ts';
import { imageLoadVerb } from './image-load.ts';
import { imageRmVerb } from './image-rm.ts';
import { imageRefreshVerb } from './image-refresh.ts';
import { imageWhyVerb } from './image-why.ts';
import { logsVerb } from './logs.ts';
import { planVerb } from './plan.ts';
import { pushVerb } from './push.ts';
import { pushesVerb } from './pushes.ts';
import { rerunVerb } from './rerun.ts';
import { runVerb } from './run.ts';
import { setupVerb } from './setup.ts';
import { shellVerb } from './shell.ts';
import { statusVerb } from './status.ts';
import { upVerb } from './up.ts';
import { watchVerb } from './watch.ts';
import { workerVerb } from './worker.ts';

/** Every verb, in the order of `slipway --help`. */
export const VERBS: readonly RegisterVerb[] = [
  setupVerb,
  upVerb,
  downVerb,
  doctorVerb,
  planVerb,
  pushVerb,
  pushesVerb,
  statusVerb,
  watchVerb,
  logsVerb,
  artifactsVerb,
  downloadVerb,
  cancelVerb,
  rerunVerb,
  runVerb,
  shellVerb,
  defineGroup('image', 'Images: hashed, built, loaded, listed, exported, taken away', [
    imageHashVerb,
    imageBuildVerb,
    imageLoadVerb,
    imageListVerb,
    imageExportVerb,
    imageRmVerb,
    imageWhyVerb,
    imageRefreshVerb,
  ]),
  defineGroup('hook', 'Let git push start pushes', [hookInstallVerb, hookReceiveVerb]),
  workerVerb,
  gcVerb,
];
