/**
 * Loaded into a worker by `--import`: its `Date` is off by the seconds that a file says, from one moment to the next, as after
 * somebody has set the machine's clock. What measures by another clock does not notice.
 */
import { readFileSync } from 'node:fs';

const path = process.env.SLIPWAY_TEST_CLOCK;
const Real = Date;
let offsetMs = 0;

function look() {
  try {
    offsetMs = Number(readFileSync(path, 'utf8')) * 1000;
  } catch {
    offsetMs = 0;
  }
}
look();
setInterval(look, 100).unref();

globalThis.Date = class extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + offsetMs);
    else super(...args);
  }
  static now() {
    return Real.now() + offsetMs;
  }
};
