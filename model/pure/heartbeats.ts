/** A lost worker is noticed after this long; not less, so that a busy event loop does not look like death. */
export const HEARTBEAT_TIMEOUT_MS = 10_000;
